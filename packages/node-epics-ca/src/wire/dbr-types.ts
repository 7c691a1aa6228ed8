/** The seven native types, by their DBR number. */
export const Dbr = { STRING: 0, SHORT: 1, FLOAT: 2, ENUM: 3, CHAR: 4, LONG: 5, DOUBLE: 6 } as const
/** A native (plain) DBR type, 0 to 6. */
export type DbrBase = (typeof Dbr)[keyof typeof Dbr]

/** What travels with the value; a DBR type is `base + 7 * family`. */
export const DbrFamily = { PLAIN: 0, STS: 1, TIME: 2, GR: 3, CTRL: 4 } as const
/** One of the five families. */
export type DbrFamily = (typeof DbrFamily)[keyof typeof DbrFamily]

export const DBR_PUT_ACKT = 35
export const DBR_PUT_ACKS = 36
export const DBR_STSACK_STRING = 37
export const DBR_CLASS_NAME = 38
/** The last type there is. */
export const LAST_DBR_TYPE = 38

/** Bytes of a string element, terminator included. */
export const STRING_SIZE = 40
/** Bytes of an engineering unit, terminator included. */
export const UNITS_SIZE = 8
/** Enum states that fit into GR and CTRL metadata. */
export const MAX_ENUM_STATES = 16
/** Bytes of one enum state text, terminator included. */
export const ENUM_STRING_SIZE = 26

/** Seconds between the Unix epoch and the EPICS epoch (1990-01-01 UTC). */
export const EPICS_EPOCH = 631152000

/** The DBR type for a native type in a family, e.g. `dbrType(Dbr.DOUBLE, DbrFamily.TIME)` is 20. */
export const dbrType = (base: number, family: number): number => base + 7 * family

/** Native type of any DBR type; PUT_ACKT and PUT_ACKS carry ENUM-like u16, STSACK_STRING and CLASS_NAME strings. */
export const baseOf = (type: number): DbrBase => bases[type] as DbrBase
/** Family of a DBR type 0 to 34; PLAIN for 35 to 38. */
export const familyOf = (type: number): DbrFamily => families[type] as DbrFamily
/** Bytes in front of the first element. */
export const valueOffset = (type: number): number => offsets[type]!
/** Bytes per element. */
export const elementSize = (type: number): number => sizes[bases[type]!]!

/** True for 0 to 38. */
export const isDbrType = (type: number): boolean =>
  Number.isInteger(type) && type >= 0 && type <= LAST_DBR_TYPE

/** Rounds up to the multiple of 8 that every payload has. */
export const pad8 = (size: number): number => Math.ceil(size / 8) * 8

/** Bytes of a payload of `count` elements, padding included. */
export const dbrPayloadSize = (type: number, count: number): number =>
  pad8(offsets[type]! + count * sizes[bases[type]!]!)

const baseNames = ["STRING", "SHORT", "FLOAT", "ENUM", "CHAR", "LONG", "DOUBLE"] as const
const familyNames = ["", "STS_", "TIME_", "GR_", "CTRL_"] as const
const specials: Record<number, string> = {
  35: "PUT_ACKT",
  36: "PUT_ACKS",
  37: "STSACK_STRING",
  38: "CLASS_NAME",
}

/** `DBR_TIME_DOUBLE` and its like, for messages and tools. */
export function dbrName(type: number): string {
  if (!isDbrType(type)) return `DBR type ${type}`
  return `DBR_${specials[type] ?? `${familyNames[families[type]!]}${baseNames[bases[type]!]}`}`
}

const sizes = Uint8Array.of(STRING_SIZE, 2, 4, 2, 1, 4, 8)

// One row per family, one column per native type (layout of the C structures, "facts: Channel Access" 4.2).
const offsetRows = [
  [0, 0, 0, 0, 0, 0, 0],
  [4, 4, 4, 4, 5, 4, 8],
  [12, 14, 12, 14, 15, 12, 16],
  [4, 24, 40, 422, 19, 36, 64],
  [4, 28, 48, 422, 21, 44, 80],
]
const offsets = Uint16Array.from([...offsetRows.flat(), 0, 0, 8, 0])
const bases = Uint8Array.from({ length: 39 }, (_, type) =>
  type < 35 ? type % 7 : type < 37 ? Dbr.ENUM : Dbr.STRING,
)
const families = Uint8Array.from({ length: 39 }, (_, type) => (type < 35 ? Math.floor(type / 7) : 0))
