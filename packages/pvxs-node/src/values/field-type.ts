/** Names of pvData's scalar types. */
export type ScalarName =
  | "boolean"
  | "byte"
  | "short"
  | "int"
  | "long"
  | "ubyte"
  | "ushort"
  | "uint"
  | "ulong"
  | "float"
  | "double"
  | "string"

export interface ScalarType<N extends ScalarName = ScalarName> {
  readonly kind: "scalar"
  readonly of: N
}

/** Arrays with a bound or a fixed length exist on the wire; they are read, and sent as plain arrays. */
export interface ScalarArrayType<N extends ScalarName = ScalarName> {
  readonly kind: "scalar[]"
  readonly of: N
  readonly fixed?: number
}

export interface Member<T extends FieldType = FieldType> {
  readonly name: string
  readonly type: T
}

export type Members = Readonly<Record<string, FieldType>>

export interface StructureType<M extends Members = Members> {
  readonly kind: "structure"
  /** For a normative type `epics:nt/NAME:1.x`; may be empty. */
  readonly id: string
  readonly members: readonly Member[]
  /** Never there: it carries the member types for the compiler. */
  readonly declared?: M
}

export interface StructureArrayType<M extends Members = Members> {
  readonly kind: "structure[]"
  readonly of: StructureType<M>
}

export interface UnionType<M extends Members = Members> {
  readonly kind: "union"
  readonly id: string
  readonly members: readonly Member[]
  readonly declared?: M
}

export interface UnionArrayType<M extends Members = Members> {
  readonly kind: "union[]"
  readonly of: UnionType<M>
}

export interface AnyType {
  readonly kind: "any"
}

export interface AnyArrayType {
  readonly kind: "any[]"
}

/** The introspection of a field: what pvAccess transports before any value. */
export type FieldType =
  | ScalarType
  | ScalarArrayType
  | StructureType
  | StructureArrayType
  | UnionType
  | UnionArrayType
  | AnyType
  | AnyArrayType

const scalarOf = <N extends ScalarName>(of: N): ScalarType<N> => Object.freeze({ kind: "scalar", of })
const arrayOf = <N extends ScalarName>(of: N): ScalarArrayType<N> => Object.freeze({ kind: "scalar[]", of })

/** Declares types: `structure("", { value: t.double, names: t.strings })`. */
export const t = {
  boolean: scalarOf("boolean"),
  byte: scalarOf("byte"),
  short: scalarOf("short"),
  int: scalarOf("int"),
  long: scalarOf("long"),
  ubyte: scalarOf("ubyte"),
  ushort: scalarOf("ushort"),
  uint: scalarOf("uint"),
  ulong: scalarOf("ulong"),
  float: scalarOf("float"),
  double: scalarOf("double"),
  string: scalarOf("string"),
  booleans: arrayOf("boolean"),
  bytes: arrayOf("byte"),
  shorts: arrayOf("short"),
  ints: arrayOf("int"),
  longs: arrayOf("long"),
  ubytes: arrayOf("ubyte"),
  ushorts: arrayOf("ushort"),
  uints: arrayOf("uint"),
  ulongs: arrayOf("ulong"),
  floats: arrayOf("float"),
  doubles: arrayOf("double"),
  strings: arrayOf("string"),
  any: Object.freeze({ kind: "any" }) as AnyType,
  anys: Object.freeze({ kind: "any[]" }) as AnyArrayType,
} as const

/** A scalar type whose name is known only at run time. */
export const scalar = scalarOf
/** An array type whose element name is known only at run time. */
export const scalarArray = arrayOf

const memberList = (members: Members): readonly Member[] =>
  Object.entries(members).map(([name, type]) => ({ name, type }))

/** A structure type from its members, in order. The compiler derives the value's type from it, see `ValueOf`. */
export const structure = <const M extends Members>(id: string, members: M): StructureType<M> => ({
  kind: "structure",
  id,
  members: memberList(members),
})

export const structureArray = <M extends Members>(of: StructureType<M>): StructureArrayType<M> => ({
  kind: "structure[]",
  of,
})

export const union = <const M extends Members>(id: string, members: M): UnionType<M> => ({
  kind: "union",
  id,
  members: memberList(members),
})

export const unionArray = <M extends Members>(of: UnionType<M>): UnionArrayType<M> => ({
  kind: "union[]",
  of,
})

/** A type as one line of text: equal text, equal type. Also the key under which compiled decoders are shared. */
export function typeKey(type: FieldType): string {
  switch (type.kind) {
    case "scalar":
      return type.of
    case "scalar[]":
      return type.fixed === undefined ? `${type.of}[]` : `${type.of}[=${type.fixed}]`
    case "any":
    case "any[]":
      return type.kind
    case "structure[]":
    case "union[]":
      return `${typeKey(type.of)}[]`
    default: {
      const members = type.members.map(m => `${JSON.stringify(m.name)}:${typeKey(m.type)}`)
      return `${type.kind}${JSON.stringify(type.id)}{${members.join()}}`
    }
  }
}
