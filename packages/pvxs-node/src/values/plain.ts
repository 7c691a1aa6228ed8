import { PvAny } from "./any.ts"
import { fieldNames, isStructure } from "./structure.ts"
import { PvUnion } from "./union.ts"

/**
 * A value as plain objects and lists: structures become objects, unions and variants their content. Typed arrays
 * and 64-bit integers stay as they are.
 */
export const plain = (value: unknown): unknown => convert(value, leaf => leaf)

/**
 * A value as JSON can hold it: typed arrays become lists, and 64-bit integers numbers where that is exact, text where
 * it is not. What is not finite becomes null, as JSON.stringify does. This is what `JSON.stringify(value)` uses.
 */
export const toJson = (value: unknown): unknown =>
  convert(value, leaf => {
    if (typeof leaf === "bigint") return exact(leaf)
    if (leaf instanceof BigInt64Array || leaf instanceof BigUint64Array) return Array.from(leaf, exact)
    return ArrayBuffer.isView(leaf) ? Array.from(leaf as Uint8Array) : leaf
  })

const exact = (value: bigint): number | string =>
  Number.isSafeInteger(Number(value)) ? Number(value) : String(value)

function convert(value: unknown, leaf: (value: unknown) => unknown): unknown {
  if (value instanceof PvUnion || value instanceof PvAny) return convert(value.value, leaf)
  if (Array.isArray(value)) return value.map(item => convert(item, leaf))
  if (!isStructure(value)) return leaf(value)
  return Object.fromEntries(fieldNames(value).map(name => [name, convert(value[name], leaf)]))
}
