import { PvaInputError, PvaProtocolError } from "../errors.ts"
import { readType, writeType } from "../wire/field-desc.ts"
import type { Reader } from "../wire/reader.ts"
import type { Writer } from "../wire/writer.ts"
import { PvAny } from "./any.ts"
import {
  type FieldType,
  type ScalarName,
  type StructureType,
  scalar,
  scalarArray,
  t,
  type UnionType,
} from "./field-type.ts"
import { layoutOf } from "./layout.ts"
import {
  checkNumber,
  checkNumbers,
  type NumericName,
  numeric,
  readNumbers,
  show,
  type TypedArray,
  writeNumbers,
} from "./numeric.ts"
import { slotsOf } from "./structure.ts"
import { PvUnion } from "./union.ts"

/**
 * Everything one leaf of a structure can do. A slot holds what was decoded; `read` turns that into what the caller
 * sees, which differs only for 64-bit integers (kept as numbers while exact, read as bigint).
 */
export interface Codec {
  readonly type: FieldType
  decode(reader: Reader): unknown
  encode(writer: Writer, slot: unknown): void
  readonly empty: unknown
  /** A caller's value as a slot, or a PvaInputError that names `path`. */
  check(input: unknown, path: string): unknown
  read?(slot: unknown): unknown
}

const toBigInt = (slot: unknown): bigint => BigInt(slot as number | bigint)

const readScalar: Readonly<Record<ScalarName, (r: Reader) => unknown>> = {
  boolean: r => r.u8() !== 0,
  byte: r => r.i8(),
  short: r => r.i16(),
  int: r => r.i32(),
  long: r => r.i64(),
  ubyte: r => r.u8(),
  ushort: r => r.u16(),
  uint: r => r.u32(),
  ulong: r => r.u64(),
  float: r => r.f32(),
  double: r => r.f64(),
  string: r => r.string(),
}

const writeScalar: Readonly<Record<ScalarName, (w: Writer, v: never) => void>> = {
  boolean: (w, v: boolean) => w.u8(v ? 1 : 0),
  byte: (w, v: number) => w.i8(v),
  short: (w, v: number) => w.i16(v),
  int: (w, v: number) => w.i32(v),
  long: (w, v: number | bigint) => w.i64(v),
  ubyte: (w, v: number) => w.u8(v),
  ushort: (w, v: number) => w.u16(v),
  uint: (w, v: number) => w.u32(v),
  ulong: (w, v: number | bigint) => w.i64(v),
  float: (w, v: number) => w.f32(v),
  double: (w, v: number) => w.f64(v),
  string: (w, v: string) => w.string(v),
}

function scalarCodec(name: ScalarName): Codec {
  const check = (input: unknown, path: string): unknown => {
    if (name !== "string" && name !== "boolean") return checkNumber(name, input, path)
    if (typeof input === name) return input
    throw new PvaInputError(`${path} is a ${name}, not ${show(input)}`)
  }
  const codec = {
    type: scalar(name),
    decode: readScalar[name],
    encode: (writer: Writer, slot: unknown) => writeScalar[name](writer, slot as never),
    empty: name === "string" ? "" : name === "boolean" ? false : 0,
    check,
  }
  return name === "long" || name === "ulong" ? { ...codec, read: toBigInt } : codec
}

const scalarCodecs = Object.fromEntries(Object.keys(readScalar).map(n => [n, scalarCodec(n as ScalarName)]))

function numbersCodec(type: FieldType, name: NumericName, fixed: number | undefined): Codec {
  const { bytes, array } = numeric[name]
  return {
    type,
    decode: reader => readNumbers(reader, name, fixed ?? reader.count(bytes)),
    encode: (writer, slot) => {
      const values = slot as TypedArray
      if (fixed === undefined) writer.size(values.length)
      writeNumbers(writer, name, fixed === undefined || values.length === fixed ? values : new array(fixed))
    },
    // Also for a fixed array: its length is the peer's word, and nothing is allocated on that alone.
    empty: new array(0),
    check: (input, path) => checkLength(checkNumbers(name, input, path), fixed, path),
  }
}

const checkLength = <T extends { length: number }>(list: T, fixed: number | undefined, path: string): T => {
  if (fixed === undefined || list.length === fixed) return list
  throw new PvaInputError(`${path} holds exactly ${fixed} elements, not ${list.length}`)
}

/** An array whose elements become one JavaScript value each. `n` stands in for the size of a fixed array. */
function listCodec(type: FieldType, element: Omit<Codec, "empty" | "type">, fixed?: number): Codec {
  return {
    type,
    decode: reader => {
      const n = fixed ?? reader.items()
      if (fixed !== undefined) reader.charge(fixed)
      const list: unknown[] = []
      for (let i = 0; i < n; i++) list.push(element.decode(reader))
      return list
    },
    encode: (writer, slot) => {
      const list = slot as readonly unknown[]
      if (fixed === undefined) writer.size(list.length)
      for (let i = 0; i < (fixed ?? list.length); i++)
        element.encode(writer, list[i] ?? (fixed === undefined ? null : ""))
    },
    empty: Object.freeze([]),
    check: (input, path) => {
      if (!Array.isArray(input))
        throw new PvaInputError(`${path} is an array; it takes a list, not ${show(input)}`)
      return checkLength(
        input.map((item, i) => element.check(item, `${path}[${i}]`)),
        fixed,
        path,
      )
    },
  }
}

/** Elements of structure, union and variant arrays have a byte in front: 0 for null. */
const optional = (codec: Codec): Omit<Codec, "empty" | "type"> => ({
  decode: reader => (reader.u8() === 0 ? null : codec.decode(reader)),
  encode: (writer, slot) => {
    writer.u8(slot === null ? 0 : 1)
    if (slot !== null) codec.encode(writer, slot)
  },
  check: (input, path) => (input === null ? null : codec.check(input, path)),
})

/** What a structure takes besides its fields, in values. */
const viewCost = 4

function structureCodec(type: StructureType): Codec {
  const layout = layoutOf(type)
  return {
    type,
    decode: reader => {
      reader.charge(layout.size + viewCost)
      return layout.view(layout.decodeWhole(reader))
    },
    encode: (writer, slot) => layout.encodeWhole(writer, slotsOf(slot as object)),
    empty: layout.view(layout.empty),
    check: (input, path) => layout.view(layout.fill(input, path)),
  }
}

function unionCodec(type: UnionType): Codec {
  const codecs = type.members.map(m => codecOf(m.type))
  return {
    type,
    decode: reader => {
      const selector = reader.sizeOrNull()
      if (selector < 0) return null
      const member = type.members[selector]
      if (member === undefined) {
        throw new PvaProtocolError(`union member ${selector} of ${type.members.length} was selected`)
      }
      const codec = codecs[selector]!
      const slot = codec.decode(reader)
      return new PvUnion(member.name, codec.read === undefined ? slot : codec.read(slot))
    },
    encode: (writer, slot) => {
      if (slot === null) {
        writer.nullSize()
        return
      }
      const { name, value } = slot as PvUnion
      const selector = type.members.findIndex(m => m.name === name)
      writer.size(selector)
      codecs[selector]!.encode(writer, value)
    },
    empty: null,
    check: (input, path) => {
      if (input === null) return null
      const { name, value } = typeof input === "object" ? (input as { name?: unknown; value?: unknown }) : {}
      const selector = type.members.findIndex(m => m.name === name)
      if (typeof name !== "string" || selector < 0) {
        const names = type.members.map(m => m.name).join(", ")
        throw new PvaInputError(`${path} is a union; it takes { name, value } with a name of: ${names}`)
      }
      return new PvUnion(name, codecs[selector]!.check(value, `${path}.${name}`))
    },
  }
}

const anyCodec: Codec = {
  type: t.any,
  decode: reader =>
    reader.nested(() => {
      const type = readType(reader)
      if (type === null) return null
      const codec = codecOf(type)
      const slot = codec.decode(reader)
      return new PvAny(type, codec.read === undefined ? slot : codec.read(slot))
    }),
  encode: (writer, slot) => {
    writeType(writer, slot === null ? null : (slot as PvAny).type)
    if (slot !== null) codecOf((slot as PvAny).type).encode(writer, (slot as PvAny).value)
  },
  empty: null,
  check: (input, path) => {
    if (input === null) return null
    const type = input instanceof PvAny ? input.type : obviousType(input, path)
    return new PvAny(type, codecOf(type).check(input instanceof PvAny ? input.value : input, path))
  },
}

/** The type a plain JavaScript value has when nobody says. */
function obviousType(input: unknown, path: string): FieldType {
  if (typeof input === "number") return t.double
  if (typeof input === "string") return t.string
  if (typeof input === "boolean") return t.boolean
  if (typeof input === "bigint") return t.long
  if (Array.isArray(input) && input.every(item => typeof item === "string")) return t.strings
  if (Array.isArray(input) && input.every(item => typeof item === "number")) return t.doubles
  for (const name of Object.keys(numeric) as NumericName[]) {
    if (name !== "boolean" && input instanceof numeric[name].array) return scalarArray(name)
  }
  throw new PvaInputError(`${path} is a variant; ${show(input)} needs a type: pass new PvAny(type, value)`)
}

/** The codec of any type. Codecs of structures are compiled once per type, see `layoutOf`. */
export function codecOf(type: FieldType): Codec {
  switch (type.kind) {
    case "scalar":
      return scalarCodecs[type.of]!
    case "scalar[]":
      return type.of === "string"
        ? listCodec(type, scalarCodecs["string"]!, type.fixed)
        : numbersCodec(type, type.of, type.fixed)
    case "structure":
      return structureCodec(type)
    case "structure[]":
      return listCodec(type, optional(structureCodec(type.of)))
    case "union":
      return unionCodec(type)
    case "union[]":
      return listCodec(type, optional(unionCodec(type.of)))
    case "any":
      return anyCodec
    case "any[]":
      return listCodec(t.anys, optional(anyCodec))
  }
}
