import { codecOf } from "../values/codec.ts"
import type { FieldSet } from "../values/field-set.ts"
import type { Layout, LayoutNode } from "../values/layout.ts"
import { fieldNames, isStructure } from "../values/structure.ts"
import type { PvStructureValue } from "../values/value-of.ts"
import { BitSet } from "../wire/bitset.ts"
import { readType } from "../wire/field-desc.ts"
import type { Reader } from "../wire/reader.ts"

/** What a client's pvRequest asks for. */
export interface Requested {
  readonly field: PvStructureValue | null
  /** Options of `record[...]`, as text. */
  readonly options: Readonly<Record<string, string>>
}

/** Reads the pvRequest of an INIT. Null, which some clients send, asks for everything. */
export function readRequested(reader: Reader): Requested {
  const type = readType(reader)
  const value = type === null ? null : codecOf(type).decode(reader)
  const root = isStructure(value) ? value : null
  const options: Record<string, string> = {}
  const given = member(member(root, "record"), "_options")
  for (const name of given === null ? [] : fieldNames(given)) options[name] = String(given?.[name])
  return { field: member(root, "field"), options }
}

const member = (value: PvStructureValue | null, name: string): PvStructureValue | null => {
  const inner = value?.[name]
  return isStructure(inner) ? inner : null
}

/** The fields of a type that a request selects; null when it names some and none exists. */
export function selectFields(layout: Layout, requested: Requested): FieldSet | null {
  const { field } = requested
  if (field === null || fieldNames(field).length === 0) return layout.all
  const bits = new BitSet()
  select(layout.root, field, bits)
  return bits.isEmpty ? null : layout.fields(bits)
}

function select(node: LayoutNode, wanted: PvStructureValue, bits: BitSet): void {
  for (const name of fieldNames(wanted)) {
    const child = node.child(name)
    const inner = wanted[name]
    if (child === undefined || name === "_options") continue
    const names = isStructure(inner) ? fieldNames(inner).filter(n => n !== "_options") : []
    if (names.length === 0 || child.codec !== null) bits.set(child.bit)
    else select(child, inner as PvStructureValue, bits)
  }
}
