import { PvaError } from "../errors.ts"
import { mismatches } from "../values/create.ts"
import type { StructureType } from "../values/field-type.ts"

const checked = new WeakMap<StructureType, WeakSet<StructureType>>()

/** Throws PvaError PVA_TYPE_MISMATCH, listing every difference, when a channel is not of the declared type. */
export function checkDeclared(
  name: string,
  actual: StructureType,
  declared: StructureType | undefined,
): void {
  if (declared === undefined || checked.get(actual)?.has(declared) === true) return
  const differences = mismatches(actual, declared)
  if (differences.length > 0) {
    throw new PvaError("PVA_TYPE_MISMATCH", `${name} is not of the declared type: ${differences.join("; ")}`)
  }
  if (!checked.has(actual)) checked.set(actual, new WeakSet())
  checked.get(actual)?.add(declared)
}
