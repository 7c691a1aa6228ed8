import type { BitSet } from "../wire/bitset.ts"
import { BitSet as Bits } from "../wire/bitset.ts"
import type { Reader } from "../wire/reader.ts"
import type { Writer } from "../wire/writer.ts"
import { PvAny } from "./any.ts"
import type { Layout, LayoutNode } from "./layout.ts"
import { PvUnion } from "./union.ts"
import type { PvStructureValue } from "./value-of.ts"

/** Scalars decoded without a call through a table; everything else goes to its codec. */
const opOf: Readonly<Record<string, number>> = {
  double: 1,
  int: 2,
  long: 3,
  string: 4,
  float: 5,
  boolean: 6,
}

/**
 * A set of fields of one structure type, such as those an update changed. Equal sets of one type are one object, so
 * the plan for decoding them is made once.
 */
export class FieldSet {
  readonly #layout: Layout
  readonly #leaves: readonly LayoutNode[]
  readonly #ops: Uint8Array
  readonly #bits: Uint32Array
  /** Those that are unions. */
  readonly #unions: readonly number[]
  /** Those whose values can be large. */
  readonly #large: readonly number[]
  readonly #mask: BitSet
  #paths: readonly string[] | undefined

  /** Bits of inner fields under a selected structure are redundant, and bits beyond the type mean nothing. */
  constructor(layout: Layout, mask: BitSet) {
    const leaves: LayoutNode[] = []
    const visit = (node: LayoutNode, all: boolean): void => {
      const selected = all || mask.has(node.bit)
      if (node.codec !== null) {
        if (selected) leaves.push(node)
      } else {
        for (const child of node.children) visit(child, selected)
      }
    }
    visit(layout.root, false)
    this.#layout = layout
    this.#leaves = leaves
    this.#bits = Uint32Array.from(leaves, leaf => leaf.bit)
    this.#unions = leaves.filter(leaf => leaf.type.kind === "union").map(leaf => leaf.bit)
    this.#large = leaves.filter(leaf => leaf.type.kind !== "scalar").map(leaf => leaf.bit)
    this.#ops = Uint8Array.from(leaves, leaf => (leaf.type.kind === "scalar" ? (opOf[leaf.type.of] ?? 0) : 0))
    this.#mask = new Bits(this.#bits)
  }

  /** Number of fields, sub-structures not counted. */
  get size(): number {
    return this.#bits.length
  }

  /** Dotted paths of the fields, in order. */
  get paths(): readonly string[] {
    this.#paths ??= this.#leaves.map(leaf => leaf.path)
    return this.#paths
  }

  /** True when the field at `path`, or anything below it, is in the set. Unknown paths are not. */
  has(path: string): boolean {
    const node = this.#layout.node(path)
    return node !== undefined && this.#mask.intersects(node.bit, node.end)
  }

  /** A value of the type that this set belongs to. */
  view(slots: readonly unknown[]): PvStructureValue {
    return this.#layout.view(slots)
  }

  /** The leaf bits, as sent. Not to be changed. */
  get mask(): BitSet {
    return this.#mask
  }

  /** This set and another of the same type together. */
  or(other: FieldSet): FieldSet {
    return other === this ? this : this.#layout.fields(this.#mask.clone().or(other.#mask))
  }

  /** What both sets have. */
  and(other: FieldSet): FieldSet {
    return this.#layout.fields(new Bits(this.#leaves.filter(l => other.#mask.has(l.bit)).map(l => l.bit)))
  }

  /**
   * The fields to send to somebody who has no value yet: without unions that have no member selected, as he has them so
   * anyway, and gateways built on pvxs refuse to copy them.
   */
  toBegin(slots: readonly unknown[]): FieldSet {
    const unselected = this.#unions.filter(bit => slots[bit] === null)
    if (unselected.length === 0) return this
    return this.#layout.fields(new Bits(this.#bits.filter(bit => !unselected.includes(bit))))
  }

  /** Reads exactly these fields into their slots. */
  decode(reader: Reader, slots: unknown[]): void {
    const bits = this.#bits
    const ops = this.#ops
    for (let i = 0; i < bits.length; i++) {
      const bit = bits[i]!
      switch (ops[i]) {
        case 1:
          slots[bit] = reader.f64()
          break
        case 2:
          slots[bit] = reader.i32()
          break
        case 3:
          slots[bit] = reader.i64()
          break
        case 4:
          slots[bit] = reader.string()
          break
        case 5:
          slots[bit] = reader.f32()
          break
        case 6:
          slots[bit] = reader.u8() !== 0
          break
        default:
          slots[bit] = this.#leaves[i]!.codec!.decode(reader)
      }
    }
  }

  /** Writes the bit set and then exactly these fields. */
  encode(writer: Writer, slots: readonly unknown[]): void {
    this.#mask.write(writer)
    for (const leaf of this.#leaves) leaf.codec!.encode(writer, slots[leaf.bit])
  }

  /** @internal True when the leaf of this number is in the set. */
  hasBit(bit: number): boolean {
    return this.#mask.has(bit)
  }

  /** @internal The first leaf that passes the test, or -1. */
  findBit(test: (bit: number) => boolean): number {
    return this.#bits.find(test) ?? -1
  }

  /** Bytes that the arrays among these fields take, roughly where they are not numeric. */
  arrayBytes(slots: readonly unknown[]): number {
    let bytes = 0
    for (const bit of this.#large) bytes += arrayBytes(slots[bit])
    return bytes
  }

  /** Copies exactly these fields from one value's slots to another's. */
  copy(from: readonly unknown[], to: unknown[]): void {
    for (const bit of this.#bits) to[bit] = from[bit]
  }
}

function arrayBytes(value: unknown): number {
  if (ArrayBuffer.isView(value)) return value.byteLength
  if (value instanceof PvUnion || value instanceof PvAny) return arrayBytes(value.value)
  return Array.isArray(value) ? 16 * value.length : 0
}
