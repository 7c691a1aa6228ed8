import type { FieldType, StructureType } from "./field-type.ts"
import { layoutOf } from "./layout.ts"
import type { InputOf, PvStructureValue, ValueOf } from "./value-of.ts"

/**
 * A value of a declared structure: the given members, everything else empty (0, "", false, no elements, null).
 * Throws PvaInputError, naming the member, when something does not fit.
 */
export function create<T extends StructureType>(type: T, input: InputOf<T>): ValueOf<T> {
  const layout = layoutOf(type)
  return layout.view(layout.fill(input)) as ValueOf<T>
}

/** `create` for a type known only at run time. */
export const createAny = (type: StructureType, input: unknown): PvStructureValue => {
  const layout = layoutOf(type)
  return layout.view(layout.fill(input))
}

/** Differences that keep a value of type `actual` from being read as `wanted`, each with its path; none when it fits. */
export function mismatches(actual: FieldType, wanted: FieldType, path = ""): string[] {
  const where = path === "" ? "the value" : path
  if (actual.kind !== wanted.kind) return [`${where} is ${nameOf(actual)}, not ${nameOf(wanted)}`]
  if (actual.kind === "structure[]" || actual.kind === "union[]") {
    return mismatches(actual.of, (wanted as typeof actual).of, `${path}[]`)
  }
  if (actual.kind === "structure" || actual.kind === "union") {
    return (wanted as typeof actual).members.flatMap(member => {
      const inner = path === "" ? member.name : `${path}.${member.name}`
      const found = actual.members.find(m => m.name === member.name)
      return found === undefined ? [`${inner} is missing`] : mismatches(found.type, member.type, inner)
    })
  }
  if (actual.kind === "any" || actual.kind === "any[]") return []
  const same = actual.of === (wanted as typeof actual).of
  const bothNumbers =
    actual.kind === "scalar" && isNumber(actual.of) && isNumber((wanted as typeof actual).of)
  return same || bothNumbers ? [] : [`${where} is ${nameOf(actual)}, not ${nameOf(wanted)}`]
}

/** Scalars that read as a JavaScript number. */
const isNumber = (name: string): boolean => !["long", "ulong", "string", "boolean"].includes(name)

/** A type in a message. */
export function nameOf(type: FieldType): string {
  if (type.kind === "scalar") return type.of
  if (type.kind === "scalar[]") return `${type.of}[]`
  if (type.kind === "structure" || type.kind === "union")
    return type.id === "" ? type.kind : `${type.kind} ${type.id}`
  if (type.kind === "structure[]" || type.kind === "union[]") return `${nameOf(type.of)}[]`
  return type.kind
}
