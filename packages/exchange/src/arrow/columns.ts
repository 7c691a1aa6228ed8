/** Columns of an Arrow table, from plain values to the buffers of the columnar format. */

export type ScalarType = "float64" | "int64" | "bool" | "utf8"
export type ColumnType = ScalarType | { readonly list: ScalarType }

export interface Column {
  readonly name: string
  readonly type: ColumnType
  /** One per row; null or undefined where there is none. */
  readonly values: readonly unknown[]
}

/** Length and number of missing values of a column, or of what is inside a list. */
export interface Node {
  readonly length: number
  readonly nulls: number
}

/** What a column contributes to a record batch, in the order of the format. */
export interface Encoded {
  readonly nodes: Node[]
  readonly buffers: Uint8Array[]
}

/** Values that do not fit their column are left out as null; `misfit` hears of each. */
export function encodeColumn(column: Column, misfit: (value: unknown) => void = () => {}): Encoded {
  const { type } = column
  if (typeof type === "string") return encodeScalars(column.values, type, misfit)
  const offsets = new Int32Array(column.values.length + 1)
  const flat: unknown[] = []
  const lists = column.values.map((value, i) => {
    const list = listOf(value)
    if (list === null && value !== null && value !== undefined) misfit(value)
    if (list !== null) for (const item of list) flat.push(item)
    offsets[i + 1] = flat.length
    return list
  })
  const inner = encodeScalars(flat, type.list, misfit)
  const { node, validity } = validityOf(lists)
  return { nodes: [node, ...inner.nodes], buffers: [validity, bytesOf(offsets), ...inner.buffers] }
}

function encodeScalars(
  values: readonly unknown[],
  type: ScalarType,
  misfit: (value: unknown) => void,
): Encoded {
  const convert = converters[type]
  const converted = values.map(value => {
    if (value === null || value === undefined) return null
    const fitting = convert(value)
    if (fitting === null) misfit(value)
    return fitting
  })
  const { node, validity } = validityOf(converted)
  return { nodes: [node], buffers: [validity, ...data(converted, type)] }
}

const smallest = -(2n ** 63n)
const largest = 2n ** 63n - 1n

const converters: Record<ScalarType, (value: unknown) => number | bigint | boolean | string | null> = {
  float64: value => (typeof value === "number" || typeof value === "bigint" ? Number(value) : null),
  int64: value => {
    if (typeof value === "boolean") return BigInt(value)
    if (typeof value === "number" && !Number.isInteger(value)) return null
    if (typeof value !== "number" && typeof value !== "bigint") return null
    const whole = BigInt(value)
    return whole >= smallest && whole <= largest ? whole : null
  },
  bool: value => (typeof value === "boolean" ? value : value === 0 || value === 1 ? value === 1 : null),
  utf8: value => (typeof value === "string" ? value : JSON.stringify(value)),
}

function data(values: readonly unknown[], type: ScalarType): Uint8Array[] {
  switch (type) {
    case "float64":
      return [bytesOf(Float64Array.from(values, v => (v === null ? 0 : (v as number))))]
    case "int64":
      return [bytesOf(BigInt64Array.from(values, v => (v === null ? 0n : (v as bigint))))]
    case "bool":
      return [bitmap(values, v => v === true)]
    case "utf8": {
      const texts = values.map(v => encoder.encode(v === null ? "" : (v as string)))
      const offsets = new Int32Array(texts.length + 1)
      texts.forEach((text, i) => {
        offsets[i + 1] = offsets[i]! + text.length
      })
      const all = new Uint8Array(offsets[texts.length]!)
      texts.forEach((text, i) => {
        all.set(text, offsets[i]!)
      })
      return [bytesOf(offsets), all]
    }
  }
}

const encoder = new TextEncoder()

function validityOf(values: readonly unknown[]): { node: Node; validity: Uint8Array } {
  const nulls = values.reduce<number>((n, value) => n + (value === null ? 1 : 0), 0)
  // Where nothing is missing the format allows the map to be left out.
  const validity = nulls === 0 ? new Uint8Array(0) : bitmap(values, value => value !== null)
  return { node: { length: values.length, nulls }, validity }
}

function bitmap(values: readonly unknown[], is: (value: unknown) => boolean): Uint8Array {
  const bits = new Uint8Array(Math.ceil(values.length / 8))
  values.forEach((value, i) => {
    if (is(value)) bits[i >> 3]! |= 1 << (i & 7)
  })
  return bits
}

const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength)

/** The items of a list value, nested ones in row-major order; null when it is no list. */
export function listOf(value: unknown): unknown[] | null {
  if (ArrayBuffer.isView(value) && !(value instanceof DataView))
    return Array.from(value as unknown as number[])
  if (!Array.isArray(value)) return null
  return value.some(item => listOf(item) !== null) ? value.flatMap(item => listOf(item) ?? [item]) : value
}
