import type { DataKey } from "@ophyd-ts/core"
import { listOf } from "../arrow/columns.ts"

/** Array type as Tiled writes it in a structure. */
export interface DataType {
  endianness: "little" | "big" | "not_applicable"
  kind: "b" | "i" | "u" | "f" | "U"
  /** Bytes of one item. */
  itemsize: number
  dt_units: null
}

type Kind = DataType["kind"]

export const dataType = (kind: Kind, itemsize: number): DataType => ({
  endianness: itemsize === 1 || kind === "b" ? "not_applicable" : "little",
  kind,
  itemsize,
  dt_units: null,
})

/** `<f8` and the like; undefined for what arrays are not made of here. */
export function parseDtype(text: DataKey["dtype_numpy"]): DataType | undefined {
  const match = typeof text === "string" ? /^[<|=>]?([biufU])(\d+)$/.exec(text) : null
  if (match === null) return undefined
  const kind = match[1] as Kind
  const size = Number(match[2])
  if (kind === "U") return size === 0 ? undefined : dataType(kind, 4 * size)
  return dataType(kind, size)
}

/** As numpy writes the type. */
export const dtypeText = ({ endianness, kind, itemsize }: DataType): string =>
  `${endianness === "little" ? "<" : "|"}${kind}${kind === "U" ? itemsize / 4 : itemsize}`

const typed: readonly [new (n: number) => ArrayBufferView, DataType][] = [
  [Int8Array, dataType("i", 1)],
  [Uint8Array, dataType("u", 1)],
  [Int16Array, dataType("i", 2)],
  [Uint16Array, dataType("u", 2)],
  [Int32Array, dataType("i", 4)],
  [Uint32Array, dataType("u", 4)],
  [BigInt64Array, dataType("i", 8)],
  [BigUint64Array, dataType("u", 8)],
  [Float32Array, dataType("f", 4)],
  [Float64Array, dataType("f", 8)],
]

/** What the items of these values are: their own type where they are typed arrays, else as declared, else as they look. */
export function dataTypeOf(values: readonly unknown[], key: DataKey): DataType {
  const own = typed.find(([type]) => values.length > 0 && values.every(value => value instanceof type))
  if (own !== undefined) return own[1]
  const items = values.flatMap(value => listOf(value) ?? [])
  const declared = parseDtype(key.dtype_numpy)
  if (items.some(item => typeof item === "string")) {
    const longest = items.reduce<number>((n, item) => Math.max(n, [...String(item)].length), 1)
    return dataType("U", Math.max(4 * longest, declared?.kind === "U" ? declared.itemsize : 0))
  }
  const fractional = items.some(item => typeof item === "number" && !Number.isInteger(item))
  if (declared !== undefined && !(fractional && declared.kind !== "f")) return declared
  if (items.every(item => typeof item === "boolean")) return dataType("b", 1)
  return dataType("f", 8)
}

/** Lengths of the axes of one value: as nested, or as declared where that fits the number of items. */
export function shapeOf(value: unknown, key: DataKey): number[] {
  const shape: number[] = []
  for (let inner = value; Array.isArray(inner); inner = inner[0]) shape.push(inner.length)
  if (shape.length > 1) return shape
  const items = listOf(value)?.length ?? 1
  const declared = key.shape.filter(n => n !== null)
  return declared.length > 0 && product(declared) === items ? declared : [items]
}

export const product = (lengths: readonly number[]): number => lengths.reduce((n, length) => n * length, 1)

/** All values one after another, each cut or filled up to `items` items. Returns how many had another length. */
export function pack(
  values: readonly unknown[],
  type: DataType,
  items: number,
): { bytes: Uint8Array; uneven: number } {
  const bytes = new Uint8Array(values.length * items * type.itemsize)
  const view = new DataView(bytes.buffer)
  const own = typed.find(([, t]) => t.kind === type.kind && t.itemsize === type.itemsize)?.[0]
  const filler = type.kind === "f" ? Number.NaN : type.kind === "U" ? "" : 0
  let uneven = 0
  values.forEach((value, row) => {
    const start = row * items * type.itemsize
    if (own !== undefined && value instanceof own && value.byteLength === items * type.itemsize) {
      bytes.set(new Uint8Array(value.buffer, value.byteOffset, value.byteLength), start)
      return
    }
    const list = listOf(value) ?? [value]
    if (list.length !== items) uneven++
    for (let i = 0; i < items; i++)
      put(view, start + i * type.itemsize, type, i < list.length ? list[i] : filler)
  })
  return { bytes, uneven }
}

function put(view: DataView, at: number, { kind, itemsize }: DataType, value: unknown): void {
  if (kind === "U") {
    const points = [...String(value ?? "")].slice(0, itemsize / 4)
    points.forEach((point, i) => {
      view.setUint32(at + 4 * i, point.codePointAt(0)!, true)
    })
  } else if (kind === "f") {
    const number = value === null || value === undefined ? Number.NaN : Number(value)
    if (itemsize === 4) view.setFloat32(at, number, true)
    else view.setFloat64(at, number, true)
  } else if (itemsize === 8) view.setBigInt64(at, BigInt.asIntN(64, whole(value)), true)
  else if (itemsize === 4) view.setInt32(at, Number(BigInt.asIntN(32, whole(value))), true)
  else if (itemsize === 2) view.setInt16(at, Number(BigInt.asIntN(16, whole(value))), true)
  else view.setInt8(at, Number(BigInt.asIntN(8, whole(value))))
}

function whole(value: unknown): bigint {
  if (typeof value === "bigint") return value
  const number = Number(value ?? 0)
  return Number.isFinite(number) ? BigInt(Math.trunc(number)) : 0n
}
