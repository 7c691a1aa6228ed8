import { PvaProtocolError } from "../errors.ts"
import {
  type FieldType,
  type Member,
  type ScalarName,
  type StructureType,
  scalar,
  scalarArray,
  t,
  type UnionType,
} from "../values/field-type.ts"
import type { Reader } from "./reader.ts"
import type { KnownType } from "./type-cache.ts"
import type { Writer } from "./writer.ts"

const scalarNames: Readonly<Record<number, ScalarName>> = {
  0: "boolean",
  32: "byte",
  33: "short",
  34: "int",
  35: "long",
  36: "ubyte",
  37: "ushort",
  38: "uint",
  39: "ulong",
  66: "float",
  67: "double",
  96: "string",
}
const scalarCodes = new Map(Object.entries(scalarNames).map(([code, name]) => [name, Number(code)]))

const arrayBits = 0x18
const variableArray = 0x08
const boundedArray = 0x10

/** What a node of a description takes, in values. */
const nodeCost = 8

/** Reads a type description; null where the peer says that there is none. */
export function readType(reader: Reader): FieldType | null {
  const code = reader.u8()
  return code === 0xff ? null : new Decoder(reader).read(code, 1).type
}

/** Reads a type description that has to be there. */
export function readTypeRequired(reader: Reader): FieldType {
  const type = readType(reader)
  if (type === null) throw new PvaProtocolError("a type description is missing")
  return type
}

class Decoder {
  readonly #reader: Reader
  #nodes = 0

  constructor(reader: Reader) {
    this.#reader = reader
  }

  read(code: number, depth: number): KnownType {
    const reader = this.#reader
    if (code === 0xfe) return this.#counted(this.#reader.types.get(reader.u16()), depth)
    if (code === 0xfd || code === 0xfc) {
      const id = reader.u16()
      if (code === 0xfc) reader.u32()
      const before = this.#nodes
      const inner = this.read(reader.u8(), depth)
      const known = { type: inner.type, nodes: this.#nodes - before, depth: inner.depth }
      this.#reader.types.set(id, known)
      return known
    }
    this.#counted({ type: t.any, nodes: 1, depth: 1 }, depth)
    reader.charge(nodeCost)
    if (code === 0x80 || code === 0x81) return this.#compound(code, depth)
    if (code === 0x88 || code === 0x89) return this.#compoundArray(code, depth)
    return { type: this.#simple(code), nodes: 1, depth: 1 }
  }

  /** Charges a description against the limits; a cached one counts in full each time, so reuse cannot multiply work. */
  #counted(known: KnownType, depth: number): KnownType {
    const { maxDepth, maxFields } = this.#reader.limits
    this.#nodes += known.nodes
    if (this.#nodes > maxFields) {
      throw new PvaProtocolError(`a type has more than ${maxFields} fields`, "PVA_LIMIT")
    }
    if (depth + known.depth - 1 > maxDepth) {
      throw new PvaProtocolError(`a type nests deeper than ${maxDepth} levels`, "PVA_LIMIT")
    }
    return known
  }

  #simple(code: number): FieldType {
    const reader = this.#reader
    if (code === 0x82) return t.any
    if (code === 0x8a) return t.anys
    // Bounded strings: the specification's table and the reference code disagree on the number.
    if (code === 0x83 || code === 0x86) {
      reader.size()
      return t.string
    }
    if (code === 0x8b) {
      reader.size()
      return t.strings
    }
    const name = scalarNames[code & ~arrayBits]
    if (name === undefined) throw new PvaProtocolError(`unknown type code 0x${code.toString(16)}`)
    const form = code & arrayBits
    if (form === 0) return scalar(name)
    if (form === variableArray) return scalarArray(name)
    const bound = reader.size()
    return form === boundedArray ? scalarArray(name) : { kind: "scalar[]", of: name, fixed: bound }
  }

  #compoundArray(code: number, depth: number): KnownType {
    const element = this.read(this.#reader.u8(), depth + 1)
    const wanted = code === 0x88 ? "structure" : "union"
    const { type } = element
    if (type.kind !== wanted)
      throw new PvaProtocolError(`a ${wanted} array cannot hold elements of ${type.kind}`)
    const array: FieldType =
      type.kind === "structure"
        ? { kind: "structure[]", of: type }
        : { kind: "union[]", of: type as UnionType }
    return { type: array, nodes: 0, depth: element.depth + 1 }
  }

  #compound(code: number, depth: number): KnownType {
    const reader = this.#reader
    const id = reader.string()
    const count = reader.items()
    const members: Member[] = []
    const seen = new Set<string>()
    let deepest = 0
    for (let i = 0; i < count; i++) {
      const name = reader.string()
      if (name === "") throw new PvaProtocolError(`a member of structure "${id}" has no name`)
      if (seen.has(name)) throw new PvaProtocolError(`structure "${id}" has two members named "${name}"`)
      seen.add(name)
      const member = this.read(reader.u8(), depth + 1)
      members.push({ name, type: member.type })
      deepest = Math.max(deepest, member.depth)
    }
    const kind = code === 0x80 ? "structure" : "union"
    return { type: { kind, id, members } as StructureType | UnionType, nodes: 0, depth: deepest + 1 }
  }
}

/** Writes a type in full, without ids: every implementation reads this form. */
export function writeType(writer: Writer, type: FieldType | null): void {
  if (type === null) {
    writer.u8(0xff)
  } else if (type.kind === "scalar") {
    writer.u8(scalarCodes.get(type.of)!)
  } else if (type.kind === "scalar[]") {
    writer.u8(scalarCodes.get(type.of)! | (type.fixed === undefined ? variableArray : arrayBits))
    if (type.fixed !== undefined) writer.size(type.fixed)
  } else if (type.kind === "any" || type.kind === "any[]") {
    writer.u8(type.kind === "any" ? 0x82 : 0x8a)
  } else if (type.kind === "structure[]" || type.kind === "union[]") {
    writer.u8(type.kind === "structure[]" ? 0x88 : 0x89)
    writeType(writer, type.of)
  } else {
    writer.u8(type.kind === "structure" ? 0x80 : 0x81)
    writer.string(type.id)
    writer.size(type.members.length)
    for (const member of type.members) {
      writer.string(member.name)
      writeType(writer, member.type)
    }
  }
}
