import { type BashWord, BashWords } from "./bash-words.ts"

export interface SetupFile {
  /** Exported variables, in the order in which they were exported. */
  readonly exports: ReadonlyMap<string, string>
  /** Exported variables whose value cannot be known without running the file. */
  readonly unresolved: readonly { readonly name: string; readonly line: number; readonly reason: string }[]
}

const assignment = /^([A-Za-z_]\w*)=(.*)$/s
const keyword = /^(if|then|else|elif|do|while|until|\{|!)$/

/**
 * Reads the exports of a `dm.setup.sh` without running it. Understands quotes, `$VAR`, `${VAR}`, `${VAR:-text}`,
 * several assignments a line, `unset`, comments, continued and indented lines. Conditions are not judged: what stands
 * inside an `if` counts. A value that needs a shell is reported, not guessed.
 * @param environment what `$VAR` means when the file does not say.
 */
export function parseSetupFile(
  text: string,
  environment: Readonly<Record<string, string | undefined>> = {},
): SetupFile {
  const values = new Map<string, string>()
  const unresolved = new Map<string, { line: number; reason: string }>()
  const exported = new Set<string>()

  const assign = (word: BashWord): string | null => {
    const [, name, value = ""] = assignment.exec(word.text) ?? []
    if (name === undefined) return null
    values.delete(name)
    unresolved.delete(name)
    if (word.unresolved === null) values.set(name, value)
    else unresolved.set(name, { line: word.line, reason: word.unresolved })
    return name
  }
  const forget = (name: string) => {
    for (const store of [values, unresolved, exported]) store.delete(name)
  }

  const commands = new BashWords(text, name => ({
    value: values.get(name) ?? environment[name],
    unresolved: unresolved.has(name),
  }))
  for (const command of commands) {
    const start = command.findIndex(word => !keyword.test(word.text))
    const words = start < 0 ? [] : command.slice(start)
    const verb = words[0]?.text
    if (verb === "export") {
      for (const word of words.slice(1)) {
        if (!word.text.startsWith("-")) exported.add(assign(word) ?? word.text)
      }
    } else if (verb === "unset") {
      for (const word of words.slice(1)) forget(word.text)
    } else if (words.every(word => assignment.test(word.text))) {
      for (const word of words) assign(word)
    }
  }
  const names = [...exported]
  return {
    exports: new Map(names.filter(name => values.has(name)).map(name => [name, values.get(name) ?? ""])),
    unresolved: names.flatMap(name => {
      const why = unresolved.get(name)
      return why === undefined ? [] : [{ name, ...why }]
    }),
  }
}
