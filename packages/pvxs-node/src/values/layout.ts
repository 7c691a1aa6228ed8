import { PvaInputError } from "../errors.ts"
import { BitSet, readShortKey } from "../wire/bitset.ts"
import type { Reader } from "../wire/reader.ts"
import type { Writer } from "../wire/writer.ts"
import { type Codec, codecOf } from "./codec.ts"
import { FieldSet } from "./field-set.ts"
import { type FieldType, type StructureType, typeKey } from "./field-type.ts"
import { show } from "./numeric.ts"
import { isStructure, nodeOf, slotsOf, viewClass } from "./structure.ts"
import type { PvStructureValue } from "./value-of.ts"

/** One node of a structure: bits number them depth first, the root being 0. */
export class LayoutNode {
  readonly name: string
  /** From the root, joined by dots; empty for the root. */
  readonly path: string
  readonly type: FieldType
  readonly bit: number
  /** First bit after this node and all below it. */
  end: number
  /** Null for a plain sub-structure, which has members instead of a value. */
  readonly codec: Codec | null
  readonly children: LayoutNode[] = []
  readonly #byName = new Map<string, LayoutNode>()
  #View: ReturnType<typeof viewClass> | undefined

  constructor(name: string, path: string, type: FieldType, bit: number) {
    this.name = name
    this.path = path
    this.type = type
    this.bit = bit
    this.end = bit + 1
    this.codec = type.kind === "structure" ? null : codecOf(type)
  }

  add(child: LayoutNode): void {
    this.children.push(child)
    this.#byName.set(child.name, child)
  }

  child(name: string): LayoutNode | undefined {
    return this.#byName.get(name)
  }

  get View(): ReturnType<typeof viewClass> {
    this.#View ??= viewClass(this)
    return this.#View
  }
}

const masksKept = 256

/** A structure type, compiled: how to read, write, fill and show its values. Get one from `layoutOf`. */
export class Layout {
  readonly type: StructureType
  readonly root: LayoutNode
  /** Number of nodes, which is the number of bits. */
  readonly size: number
  readonly leaves: readonly LayoutNode[]
  /** Slots of a value in which nothing is set. Copy before writing. */
  readonly empty: readonly unknown[]
  readonly #byPath = new Map<string, LayoutNode>()
  readonly #sets = new Map<number | string, FieldSet>()
  #lastKey = -1
  #last: FieldSet | null = null

  constructor(type: StructureType) {
    this.type = type
    const leaves: LayoutNode[] = []
    let bits = 0
    const build = (fieldType: FieldType, name: string, path: string): LayoutNode => {
      const node = new LayoutNode(name, path, fieldType, bits++)
      this.#byPath.set(path, node)
      if (fieldType.kind !== "structure") {
        leaves.push(node)
        return node
      }
      for (const member of fieldType.members) {
        node.add(build(member.type, member.name, path === "" ? member.name : `${path}.${member.name}`))
      }
      node.end = bits
      return node
    }
    this.root = build(type, "", "")
    this.size = bits
    this.leaves = leaves
    const empty: unknown[] = new Array(bits).fill(undefined)
    for (const leaf of leaves) empty[leaf.bit] = leaf.codec!.empty
    this.empty = empty
  }

  /** The node at a dotted path, if there is one. */
  node(path: string): LayoutNode | undefined {
    return this.#byPath.get(path)
  }

  view(slots: readonly unknown[]): PvStructureValue {
    return new this.root.View(slots) as unknown as PvStructureValue
  }

  /** The set of all fields. */
  get all(): FieldSet {
    return this.fields(new BitSet([0]))
  }

  /** The leaves that a bit set selects; equal sets are the same object. */
  fields(mask: BitSet): FieldSet {
    return this.#sets.get(mask.key) ?? this.#remember(mask.key, new FieldSet(this, mask))
  }

  #remember(key: number | string, set: FieldSet): FieldSet {
    // A peer chooses the masks, so the memory for them is bounded.
    if (this.#sets.size >= masksKept) this.#sets.clear()
    this.#sets.set(key, set)
    return set
  }

  /** Reads the bit set that precedes partial data. */
  readFields(reader: Reader): FieldSet {
    const key = readShortKey(reader)
    if (key < 0) return this.fields(BitSet.read(reader, this.size))
    if (key === this.#lastKey) return this.#last!
    let set = this.#sets.get(key)
    if (set === undefined) {
      const mask = new BitSet()
      for (let bit = 0, rest = key; rest > 0; bit++, rest = Math.floor(rest / 2))
        if (rest % 2 === 1) mask.set(bit)
      set = this.#remember(key, new FieldSet(this, mask))
    }
    this.#lastKey = key
    this.#last = set
    return set
  }

  decodeWhole(reader: Reader): unknown[] {
    const slots = this.empty.slice()
    this.all.decode(reader, slots)
    return slots
  }

  encodeWhole(writer: Writer, slots: readonly unknown[]): void {
    for (const leaf of this.leaves) leaf.codec!.encode(writer, slots[leaf.bit])
  }

  /** Slots with the members of `input` in place and everything else empty. */
  fill(input: unknown, path = ""): readonly unknown[] {
    if (isStructure(input) && nodeOf(input) === this.root) return slotsOf(input)
    const slots = this.empty.slice()
    this.assign(slots, input, new BitSet(), path)
    return slots
  }

  /** Puts the members of `input` into `slots` and marks them; throws PvaInputError before anything is sent. */
  assign(slots: unknown[], input: unknown, marks: BitSet, path = ""): void {
    assignNode(this.root, slots, input, marks, path)
  }
}

function assignNode(node: LayoutNode, slots: unknown[], input: unknown, marks: BitSet, base: string): void {
  const where = [base, node.path].filter(p => p !== "").join(".") || "the value"
  if (typeof input !== "object" || input === null || Array.isArray(input) || ArrayBuffer.isView(input)) {
    throw new PvaInputError(
      `${where} is a structure; it takes an object with its members, not ${show(input)}`,
    )
  }
  const names = isStructure(input) ? nodeOf(input).children.map(c => c.name) : Object.keys(input)
  for (const name of names) {
    const value = (input as Record<string, unknown>)[name]
    if (value === undefined) continue
    const child = node.child(name)
    if (child === undefined) {
      const known = node.children.map(c => c.name).join(", ")
      throw new PvaInputError(`${where} has no member "${name}"; it has: ${known || "none"}`)
    }
    if (child.codec === null) {
      assignNode(child, slots, value, marks, base)
    } else {
      slots[child.bit] = child.codec.check(value, base === "" ? child.path : `${base}.${child.path}`)
      marks.set(child.bit)
    }
  }
}

const compiled = new WeakMap<StructureType, Layout>()
const byKey = new Map<string, Layout>()
/** Fields of all compiled types together. */
const nodesKept = 250_000
let nodesCompiled = 0

/** The compiled form of a structure type. Equal types share one, however many channels have them. */
export function layoutOf(type: StructureType): Layout {
  let layout = compiled.get(type)
  if (layout !== undefined) return layout
  const key = typeKey(type)
  layout = byKey.get(key)
  if (layout === undefined) {
    layout = new Layout(type)
    byKey.set(key, layout)
    nodesCompiled += layout.size
    // Peers choose the types: forget the oldest rather than grow without end.
    for (const [oldest, { size }] of byKey) {
      if (nodesCompiled <= nodesKept) break
      byKey.delete(oldest)
      nodesCompiled -= size
    }
  }
  compiled.set(type, layout)
  return layout
}
