import { PvAny } from "./any.ts"
import { fieldNames, isStructure } from "./structure.ts"
import { PvUnion } from "./union.ts"

/**
 * A value as plain objects and lists: structures become objects, unions and variants their content. Typed arrays
 * stay typed arrays, unless `lists` asks for lists of numbers.
 */
export function plain(value: unknown, options: { lists?: boolean } = {}): unknown {
  if (value instanceof PvUnion || value instanceof PvAny) return plain(value.value, options)
  if (Array.isArray(value)) return value.map(item => plain(item, options))
  if (isStructure(value)) {
    return Object.fromEntries(fieldNames(value).map(name => [name, plain(value[name], options)]))
  }
  return options.lists === true && ArrayBuffer.isView(value) ? Array.from(value as Uint8Array) : value
}
