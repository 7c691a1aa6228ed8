/** Reads an Arrow file by walking its FlatBuffers, without anything of the writer. */

class Flat {
  readonly view: DataView
  readonly at: number

  constructor(view: DataView, at: number) {
    this.view = view
    this.at = at
  }

  static root(bytes: Uint8Array): Flat {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return new Flat(view, view.getUint32(0, true))
  }

  /** Where field `n` stands; null when it is left out. */
  place(n: number): number | null {
    const vtable = this.at - this.view.getInt32(this.at, true)
    if (4 + 2 * n >= this.view.getUint16(vtable, true)) return null
    const offset = this.view.getUint16(vtable + 4 + 2 * n, true)
    return offset === 0 ? null : this.at + offset
  }

  i8 = (n: number): number => this.view.getInt8(this.place(n)!)
  i16 = (n: number): number => this.view.getInt16(this.place(n)!, true)
  i64(n: number): number {
    const place = this.place(n)!
    if (place % 8 !== 0) throw new Error("a 64-bit number is not aligned")
    return Number(this.view.getBigInt64(place, true))
  }

  #target(n: number): number {
    const place = this.place(n)!
    return place + this.view.getUint32(place, true)
  }

  table = (n: number): Flat => new Flat(this.view, this.#target(n))

  text(n: number): string {
    const at = this.#target(n)
    const length = this.view.getUint32(at, true)
    return new TextDecoder().decode(new Uint8Array(this.view.buffer, this.view.byteOffset + at + 4, length))
  }

  tables(n: number): Flat[] {
    const at = this.#target(n)
    return Array.from({ length: this.view.getUint32(at, true) }, (_, i) => {
      const place = at + 4 + 4 * i
      return new Flat(this.view, place + this.view.getUint32(place, true))
    })
  }

  /** Structs of 64-bit words. */
  words(n: number, width: number): number[][] {
    const at = this.#target(n)
    if ((at + 4) % 8 !== 0) throw new Error("structs are not aligned")
    return Array.from({ length: this.view.getUint32(at, true) }, (_, i) =>
      Array.from({ length: width }, (_, j) =>
        Number(this.view.getBigInt64(at + 4 + 8 * (i * width + j), true)),
      ),
    )
  }
}

export type Rows = Record<string, unknown>[]

export function readArrow(file: Uint8Array): Rows {
  const bytes = new Uint8Array(file)
  const magic = (part: Uint8Array) => new TextDecoder().decode(part)
  if (magic(bytes.subarray(0, 6)) !== "ARROW1" || magic(bytes.subarray(-6)) !== "ARROW1")
    throw new Error("no Arrow file")
  const view = new DataView(bytes.buffer)
  const footerLength = view.getInt32(bytes.length - 10, true)
  const footer = Flat.root(bytes.slice(bytes.length - 10 - footerLength, -10))
  const [[offset, metadataLength, bodyLength] = []] = footer.words(3, 3)
  if (view.getUint32(offset!, true) !== 0xffffffff) throw new Error("no message where the footer says")
  const message = Flat.root(bytes.slice(offset! + 8, offset! + metadataLength!))
  if (message.i64(3) !== bodyLength) throw new Error("footer and message do not agree on the body")
  const batch = message.table(2)
  const nodes = batch.words(1, 2)
  const body = offset! + metadataLength!
  const buffers = batch.words(2, 2).map(([at, length]) => {
    if (at! % 8 !== 0) throw new Error("a buffer is not aligned")
    return bytes.slice(body + at!, body + at! + length!)
  })
  const columns = footer
    .table(1)
    .tables(1)
    .map(field => [field.text(0), readColumn(field, nodes, buffers)] as const)
  return Array.from({ length: batch.i64(0) }, (_, row) =>
    Object.fromEntries(columns.map(([name, values]) => [name, values[row]])),
  )
}

const bit = (bytes: Uint8Array, i: number): boolean => ((bytes[i >> 3]! >> (i & 7)) & 1) === 1

/** Takes its nodes and buffers off the front. */
function readColumn(field: Flat, nodes: number[][], buffers: Uint8Array[]): unknown[] {
  const [length = 0, nulls] = nodes.shift()!
  const validity = buffers.shift()!
  const there = (i: number) => validity.length === 0 || bit(validity, i)
  const read = reader(field, nodes, buffers)
  const values = Array.from({ length }, (_, i) => (there(i) ? read(i) : null))
  if (values.filter(v => v === null).length !== nulls) throw new Error("the number of nulls is wrong")
  return values
}

function reader(field: Flat, nodes: number[][], buffers: Uint8Array[]): (i: number) => unknown {
  const first = buffers.shift()!
  switch (field.i8(2)) {
    case 2: {
      const values = new BigInt64Array(first.buffer)
      return i => values[i]
    }
    case 3: {
      const values = new Float64Array(first.buffer)
      return i => values[i]
    }
    case 5: {
      const offsets = new Int32Array(first.buffer)
      const text = buffers.shift()!
      return i => new TextDecoder().decode(text.subarray(offsets[i], offsets[i + 1]))
    }
    case 6:
      return i => bit(first, i)
    case 12: {
      const offsets = new Int32Array(first.buffer)
      const items = readColumn(field.tables(5)[0]!, nodes, buffers)
      return i => items.slice(offsets[i], offsets[i + 1])
    }
    default:
      throw new Error(`type ${field.i8(2)} is not expected`)
  }
}
