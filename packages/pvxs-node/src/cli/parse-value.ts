import { PvaInputError } from "../errors.ts"
import type { FieldType, ScalarType, StructureType } from "../values/field-type.ts"

/**
 * What the words of a command line mean for a channel of this type: one word for a scalar, several (or a JSON list)
 * for an array, the index or label of an enum, a JSON object or `member.path=value` for the members of a structure.
 */
export function parseWords(type: StructureType, words: readonly string[]): unknown {
  const [first = ""] = words
  if (words.length === 0) throw new PvaInputError("there is no value to put")
  if (words.length === 1 && first.startsWith("{")) return settle(type, parseJson(first))
  if (words.every(word => /^[A-Za-z_][\w.]*=/.test(word)) && !isTextValue(type))
    return assignments(type, words)
  const member = type.members.find(m => m.name === "value")?.type
  if (member === undefined) throw new PvaInputError("the channel has no member `value`: put `member=value`")
  return { value: parseField(member, words) }
}

/** A text may well contain an equals sign. */
const isTextValue = (type: StructureType): boolean => {
  const member = type.members.find(m => m.name === "value")?.type
  return member?.kind === "scalar" && member.of === "string"
}

function assignments(type: StructureType, words: readonly string[]): Record<string, unknown> {
  const result: Record<string, unknown> = {}
  for (const word of words) {
    const [, path = "", text = ""] = /^([^=]*)=(.*)$/s.exec(word) ?? []
    const names = path.split(".")
    let at = result
    let field: FieldType = type
    for (const [i, name] of names.entries()) {
      const member: FieldType | undefined =
        field.kind === "structure" ? field.members.find(m => m.name === name)?.type : undefined
      if (member === undefined) throw new PvaInputError(`the channel has no member "${path}"`)
      field = member
      if (i === names.length - 1) at[name] = parseField(member, [text])
      else {
        at[name] ??= {}
        at = at[name] as Record<string, unknown>
      }
    }
  }
  return result
}

function parseField(type: FieldType, words: readonly string[]): unknown {
  const text = words.join(" ")
  if (type.kind === "scalar") return parseScalar(type.of, text)
  if (type.kind === "scalar[]") {
    const list =
      words.length === 1 && text.startsWith("[") ? (parseJson(text) as unknown[]).map(String) : words
    return list.map(word => parseScalar(type.of, word))
  }
  // An enum: its label, or its number.
  if (type.kind === "structure" && type.members.some(m => m.name === "choices")) {
    return /^\d+$/.test(text) ? Number(text) : text
  }
  return settle(type, parseJson(text))
}

function parseScalar(of: string, text: string): unknown {
  if (of === "string") return text
  if (of === "boolean") {
    if (/^(true|1|yes|on)$/i.test(text)) return true
    if (/^(false|0|no|off)$/i.test(text)) return false
    throw new PvaInputError(`"${text}" is neither true nor false`)
  }
  if (of === "long" || of === "ulong") {
    if (/^-?\d+$/.test(text)) return BigInt(text)
    throw new PvaInputError(`"${text}" is no integer`)
  }
  const number = text.trim() === "" ? Number.NaN : Number(text.replace(/^([+-]?)inf$/i, "$1Infinity"))
  if (Number.isNaN(number) && !/^nan$/i.test(text)) throw new PvaInputError(`"${text}" is no number`)
  return number
}

/** Marks a text that is a number. */
const mark = "\0"

/** Integers that a number cannot hold exactly become bigint. */
function parseJson(text: string): unknown {
  // Texts are stepped over, and so are the digits of fractions and exponents.
  const marked = text.replace(/"(?:[^"\\]|\\.)*"|(?<![\w.+-])-?\d{16,}(?![\w.])/g, found =>
    found.startsWith('"') ? found : `"\\u0000${found}"`,
  )
  try {
    return JSON.parse(marked, (_, value) => {
      if (typeof value !== "string" || !value.startsWith(mark)) return value
      const number = Number(value.slice(1))
      return Number.isSafeInteger(number) ? number : BigInt(value.slice(1))
    })
  } catch (cause) {
    throw new PvaInputError(`"${text}" is no JSON: ${(cause as Error).message}`)
  }
}

/** JSON knows one kind of number: what goes into a float need not be exact. */
function settle(type: FieldType, value: unknown): unknown {
  if (typeof value === "bigint")
    return type.kind.startsWith("scalar") && /float|double/.test((type as ScalarType).of)
      ? Number(value)
      : value
  if (Array.isArray(value)) {
    const element = type.kind === "structure[]" || type.kind === "union[]" ? type.of : type
    return value.map(item => settle(element, item))
  }
  if (typeof value !== "object" || value === null || !("members" in type)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const member = type.members.find(each => each.name === name)
      return [name, member === undefined ? inner : settle(member.type, inner)]
    }),
  )
}

/** Arguments of a call, `name=value`: numbers as double, true and false, everything else text. */
export function parseArguments(words: readonly string[]): Record<string, string | number | boolean> {
  return Object.fromEntries(
    words.map(word => {
      const at = word.indexOf("=")
      if (at < 1) throw new PvaInputError(`an argument is name=value, not "${word}"`)
      const text = word.slice(at + 1)
      const number = text.trim() === "" ? Number.NaN : Number(text)
      const value = text === "true" ? true : text === "false" ? false : Number.isNaN(number) ? text : number
      return [word.slice(0, at), value]
    }),
  )
}
