import { runInNewContext } from "node:vm"
import { DmSimError } from "../errors.ts"

/** Texts that `$name` stands for in commands and conditions. */
export type Variables = Readonly<Record<string, string>>

/** As Python would print it into a command: `True`, `None`, JSON for lists and objects. */
export function variableText(value: unknown): string {
  if (typeof value === "string") return value
  if (typeof value === "boolean") return value ? "True" : "False"
  if (value === null || value === undefined) return "None"
  return typeof value === "object" ? JSON.stringify(value) : String(value)
}

/** Replaces `$name` and `${name}`. What DM does with an unknown name is not known; here it stays as it is. */
export const substitute = (text: string, variables: Variables): string =>
  text.replace(/\$(?:(\w+)|\{(\w+)\})/g, (whole, plain: string | undefined, braced: string | undefined) => {
    const name = plain ?? braced ?? ""
    return Object.hasOwn(variables, name) ? (variables[name] ?? whole) : whole
  })

/** A regular expression of `outputVariableRegexList` that cannot be used. */
export class OutputPatternError extends DmSimError {
  override readonly name = "OutputPatternError"
  constructor(message: string, options?: ErrorOptions) {
    super("DM_SIM_OUTPUT_PATTERN", message, options)
  }
}

const limits = { pattern: 4_096, output: 1_048_576, milliseconds: 1_000 }

/**
 * A Python regular expression as a JavaScript one: named groups, back references, `\A`, `\Z`, `$`, comments, leading
 * flags. @throws OutputPatternError for what JavaScript cannot express.
 */
export function fromPythonPattern(pattern: string): RegExp {
  if (pattern.length > limits.pattern) {
    throw new OutputPatternError(`the pattern has ${pattern.length} characters, more than ${limits.pattern}`)
  }
  const shown = JSON.stringify(pattern.slice(0, 200))
  const [, flags = ""] = /^\(\?([a-zA-Z]+)\)/.exec(pattern) ?? []
  const unknown = flags.replace(/[imsau]/g, "")
  if (unknown !== "") throw new OutputPatternError(`pattern ${shown}: the flag "${unknown}" is not supported`)
  const body = flags === "" ? pattern : pattern.slice(flags.length + 3)
  try {
    return new RegExp(translate(body, flags.includes("m"), shown), `u${flags.replace(/[^ims]/g, "")}`)
  } catch (cause) {
    if (cause instanceof OutputPatternError) throw cause
    throw new OutputPatternError(`pattern ${shown} is not a usable regular expression`, { cause })
  }
}

/** One step of the pattern: an escape, a character class, an extension, or a character. */
const steps =
  /\\[\s\S]|\[\^?\]?(?:\\[\s\S]|[^\]\\])*\]|\(\?P<\w+>|\(\?P=\w+\)|\(\?#[^)]*\)|\(\?>|(?:[*+?]|\{\d*,?\d*\})\+?|[\s\S]/g

function translate(pattern: string, multiline: boolean, shown: string): string {
  return pattern.replace(steps, step => {
    if (step.startsWith("(?P<")) return `(?<${step.slice(4)}`
    if (step.startsWith("(?P=")) return `\\k<${step.slice(4, -1)}>`
    if (step.startsWith("(?#")) return ""
    if (step === "(?>" || /^(?:[*+?]|\{.*\})\+$/.test(step)) {
      throw new OutputPatternError(`pattern ${shown}: possessive and atomic forms are not supported`)
    }
    if (/^\{\d/.test(step)) return step
    if (/^\{,\d/.test(step)) return `{0${step.slice(1)}`
    if (/^[{}\]]/.test(step)) return step.replace(/[{}]|\]/g, "\\$&")
    if (step === "$") return multiline ? "(?=\\n|(?![\\s\\S]))" : "(?=\\n?(?![\\s\\S]))"
    if (step.startsWith("[") && step.length > 2) return characterClass(step)
    if (step.startsWith("[")) throw new OutputPatternError(`pattern ${shown}: a character class does not end`)
    return step.startsWith("\\") ? escapeSign(step) : step
  })
}

/** Python takes a first `]` and any `[` in a class literally; JavaScript's exact mode wants them escaped. */
const characterClass = (text: string): string => {
  const [, open = "[", inside = ""] = /^(\[\^?)([\s\S]*)\]$/.exec(text) ?? []
  return `${open}${inside.replace(/^\]/, "\\]").replace(/\\[\s\S]|\[/g, s => (s === "[" ? "\\[" : escapeSign(s)))}]`
}

/** JavaScript's exact mode refuses an escape that means nothing; Python takes an escaped sign literally. */
function escapeSign(text: string): string {
  if (text === "\\A") return "(?<![\\s\\S])"
  if (text === "\\Z") return "(?![\\s\\S])"
  return /^\\[\w^$\\.*+?()[\]{}|/-]$/.test(text) ? (text === "\\-" ? "\\x2d" : text) : text.slice(1)
}

/**
 * The variables that a command's output defines: each pattern is searched once, later ones win. A pattern that does
 * not end (they come from a peer) is stopped. @throws OutputPatternError
 */
export function outputVariables(patterns: readonly string[], output: string): Record<string, string> {
  const found: Record<string, string> = {}
  const text = output.slice(0, limits.output)
  for (const pattern of patterns) {
    const groups = search(fromPythonPattern(pattern), text, pattern)
    for (const [name, value] of Object.entries(groups ?? {})) if (value !== undefined) found[name] = value
  }
  return found
}

/** Names that the patterns of a stage may define. @throws OutputPatternError */
export const patternNames = (pattern: string): string[] => {
  fromPythonPattern(pattern)
  return [...pattern.matchAll(/\(\?P<(\w+)>/g)].map(match => match[1] ?? "")
}

/** The script is constant: another context is only the way to give a search a time limit. */
function search(
  regex: RegExp,
  text: string,
  pattern: string,
): Record<string, string | undefined> | undefined {
  try {
    const found: unknown = runInNewContext(
      "regex.exec(text)?.groups",
      { regex, text },
      { timeout: limits.milliseconds },
    )
    return found as Record<string, string | undefined> | undefined
  } catch (cause) {
    const shown = JSON.stringify(pattern.slice(0, 200))
    throw new OutputPatternError(`pattern ${shown} took longer than ${limits.milliseconds} ms`, { cause })
  }
}
