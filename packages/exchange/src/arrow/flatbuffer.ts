/**
 * Writes the few FlatBuffers that Arrow metadata needs, front to back: an offset in a FlatBuffer points forward, so a
 * parent can be written before its children and its offsets filled in afterwards.
 */

/** A value in a table. The position in the list is the field's number in the schema; null leaves it out. */
export type Slot =
  | { readonly i8: number }
  | { readonly i16: number }
  | { readonly i32: number }
  | { readonly i64: number }
  | { readonly text: string }
  | { readonly table: Table }
  | { readonly tables: readonly Table[] }
  /** Structs of 64-bit words, `width` words each. */
  | { readonly structs: readonly number[]; readonly width: number }
  | null

export type Table = readonly Slot[]

const sizeOf = (slot: NonNullable<Slot>): number =>
  "i8" in slot ? 1 : "i16" in slot ? 2 : "i64" in slot ? 8 : 4

class Writer {
  bytes = new Uint8Array(1024)
  view = new DataView(this.bytes.buffer)
  length = 0

  /** Room for `size` bytes, the first at a multiple of `alignment`; gives its place. */
  take(size: number, alignment: number): number {
    const at = Math.ceil(this.length / alignment) * alignment
    this.length = at + size
    if (this.length > this.bytes.length) {
      const bigger = new Uint8Array(Math.max(this.length, this.bytes.length * 2))
      bigger.set(this.bytes)
      this.bytes = bigger
      this.view = new DataView(bigger.buffer)
    }
    return at
  }

  pointAt(place: number, target: number): void {
    this.view.setUint32(place, target - place, true)
  }

  table(slots: Table): number {
    // Where each field sits behind the four bytes that point at the vtable.
    let size = 4
    const places = slots.map(slot => {
      if (slot === null) return 0
      const width = sizeOf(slot)
      const place = Math.ceil(size / width) * width
      size = place + width
      return place
    })
    const vtable = this.take(4 + 2 * slots.length, 2)
    const table = this.take(size, 8)
    this.view.setInt32(table, table - vtable, true)
    this.view.setUint16(vtable, 4 + 2 * slots.length, true)
    this.view.setUint16(vtable + 2, size, true)
    places.forEach((place, i) => {
      this.view.setUint16(vtable + 4 + 2 * i, place, true)
    })
    slots.forEach((slot, i) => {
      if (slot !== null) this.#slot(table + places[i]!, slot)
    })
    return table
  }

  #slot(place: number, slot: NonNullable<Slot>): void {
    if ("i8" in slot) this.view.setInt8(place, slot.i8)
    else if ("i16" in slot) this.view.setInt16(place, slot.i16, true)
    else if ("i32" in slot) this.view.setInt32(place, slot.i32, true)
    else if ("i64" in slot) this.view.setBigInt64(place, BigInt(slot.i64), true)
    else if ("text" in slot) this.pointAt(place, this.#text(slot.text))
    else if ("table" in slot) this.pointAt(place, this.table(slot.table))
    else if ("tables" in slot) this.pointAt(place, this.#tables(slot.tables))
    else this.pointAt(place, this.#structs(slot.structs, slot.width))
  }

  #text(text: string): number {
    const bytes = new TextEncoder().encode(text)
    const at = this.take(4 + bytes.length + 1, 4)
    this.view.setUint32(at, bytes.length, true)
    this.bytes.set(bytes, at + 4)
    return at
  }

  #tables(tables: readonly Table[]): number {
    const at = this.take(4 + 4 * tables.length, 4)
    this.view.setUint32(at, tables.length, true)
    tables.forEach((table, i) => {
      const target = this.table(table)
      this.pointAt(at + 4 + 4 * i, target)
    })
    return at
  }

  #structs(words: readonly number[], width: number): number {
    // The words are aligned to eight; their count stands in the four bytes before.
    const first = this.take(8 + 8 * words.length, 8) + 8
    this.view.setUint32(first - 4, words.length / width, true)
    words.forEach((word, i) => {
      this.view.setBigInt64(first + 8 * i, BigInt(word), true)
    })
    return first - 4
  }
}

/** The bytes of a FlatBuffer with this root table. */
export function flatBuffer(root: Table): Uint8Array {
  const writer = new Writer()
  const place = writer.take(4, 8)
  const table = writer.table(root)
  writer.pointAt(place, table)
  return writer.bytes.subarray(0, writer.length)
}
