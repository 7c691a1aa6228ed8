import type { PvAny } from "./any.ts"
import type {
  AnyArrayType,
  AnyType,
  FieldType,
  Members,
  ScalarArrayType,
  ScalarType,
  StructureArrayType,
  StructureType,
  UnionArrayType,
  UnionType,
} from "./field-type.ts"
import type { PvUnion } from "./union.ts"

/** What a scalar reads as. 64-bit integers are bigint; the bigint is made when the field is read. */
export interface ScalarValues {
  boolean: boolean
  byte: number
  short: number
  int: number
  long: bigint
  ubyte: number
  ushort: number
  uint: number
  ulong: bigint
  float: number
  double: number
  string: string
}

/** What a scalar array reads as: typed arrays, aligned, owned by the caller; booleans are bytes 0 and 1. */
export interface ArrayValues {
  boolean: Uint8Array
  byte: Int8Array
  short: Int16Array
  int: Int32Array
  long: BigInt64Array
  ubyte: Uint8Array
  ushort: Uint16Array
  uint: Uint32Array
  ulong: BigUint64Array
  float: Float32Array
  double: Float64Array
  string: string[]
}

/** The value of a field of type `T`, as it is read. */
export type ValueOf<T> =
  T extends ScalarType<infer N>
    ? ScalarValues[N]
    : T extends ScalarArrayType<infer N>
      ? ArrayValues[N]
      : T extends StructureType<infer M>
        ? StructureValue<M>
        : T extends StructureArrayType<infer M>
          ? (StructureValue<M> | null)[]
          : T extends UnionType<infer M>
            ? UnionValue<M> | null
            : T extends UnionArrayType<infer M>
              ? (UnionValue<M> | null)[]
              : T extends AnyType
                ? PvAny | null
                : T extends AnyArrayType
                  ? (PvAny | null)[]
                  : never

type StructureValue<M extends Members> = { readonly [K in keyof M]: ValueOf<M[K]> }

type UnionValue<M extends Members> = { [K in keyof M & string]: PvUnion<K, ValueOf<M[K]>> }[keyof M & string]

type NumberLike = { readonly length: number; readonly [index: number]: number }
type BigLike = { readonly length: number; readonly [index: number]: number | bigint }

interface ScalarInputs {
  boolean: boolean
  byte: number
  short: number
  int: number
  long: number | bigint
  ubyte: number
  ushort: number
  uint: number
  ulong: number | bigint
  float: number
  double: number
  string: string
}

interface ArrayInputs {
  boolean: NumberLike | readonly boolean[]
  byte: NumberLike
  short: NumberLike
  int: NumberLike
  long: BigLike
  ubyte: NumberLike
  ushort: NumberLike
  uint: NumberLike
  ulong: BigLike
  float: NumberLike
  double: NumberLike
  string: readonly string[]
}

/** A value to send for a field of type `T`: members may be left out, numbers and plain arrays will do. */
export type InputOf<T> =
  T extends ScalarType<infer N>
    ? ScalarInputs[N]
    : T extends ScalarArrayType<infer N>
      ? ArrayInputs[N]
      : T extends StructureType<infer M>
        ? StructureInput<M>
        : T extends StructureArrayType<infer M>
          ? readonly (StructureInput<M> | null)[]
          : T extends UnionType<infer M>
            ? UnionInput<M> | null
            : T extends UnionArrayType<infer M>
              ? readonly (UnionInput<M> | null)[]
              : T extends AnyType
                ? AnyInput
                : T extends AnyArrayType
                  ? readonly AnyInput[]
                  : never

type StructureInput<M extends Members> = { readonly [K in keyof M]?: InputOf<M[K]> | undefined }

type UnionInput<M extends Members> = {
  [K in keyof M & string]: { readonly name: K; readonly value: InputOf<M[K]> }
}[keyof M & string]

/** A variant takes a typed value, or a plain one whose type is then the obvious one (numbers are doubles). */
export type AnyInput = PvAny | null | number | bigint | boolean | string | readonly string[] | ArrayBufferView

/** A structure whose type is known only at run time. */
export interface PvStructureValue {
  readonly [name: string]: PvField
}

/** Any field of a structure whose type is known only at run time. */
export type PvField =
  | ValueOf<ScalarType>
  | ArrayValues[keyof ArrayValues]
  | PvStructureValue
  | PvUnion
  | PvAny
  | null
  | readonly (PvStructureValue | PvUnion | PvAny | null)[]

/** The value of a type if one was declared, otherwise one to be looked into at run time. */
export type ReadAs<T extends FieldType | undefined> = T extends FieldType ? ValueOf<T> : PvStructureValue
