import type { Metadata } from "@ophyd-ts/core"
import { type FieldType, field, readDisplay } from "pvxs-node"
import { limitsOf } from "../limits.ts"
import { numpyTypes } from "./conversion.ts"

/** The members of a structure that say something about its value. */
export const describing = ["display", "control", "valueAlarm"] as const

const numberAt = (structure: unknown, ...path: readonly string[]): number | undefined => {
  const found = field(structure, ...path)
  return found === undefined ? undefined : Number(found)
}

/** Metadata of a signal from a structure as normative types have them. */
export function metadataOf(
  type: FieldType | undefined,
  structure: unknown,
  choices: readonly string[],
): Metadata {
  const display = readDisplay(structure)
  const element = type?.kind === "scalar" || type?.kind === "scalar[]" ? type.of : undefined
  const real = element === "double" || element === "float"
  // Records give their units with each of their fields, texts too.
  const units = element === "string" ? undefined : display?.units
  const limits = limitsOf({
    control: [numberAt(structure, "control", "limitLow"), numberAt(structure, "control", "limitHigh")],
    display: [display?.limitLow, display?.limitHigh],
    warning: [
      numberAt(structure, "valueAlarm", "lowWarningLimit"),
      numberAt(structure, "valueAlarm", "highWarningLimit"),
    ],
    alarm: [
      numberAt(structure, "valueAlarm", "lowAlarmLimit"),
      numberAt(structure, "valueAlarm", "highAlarmLimit"),
    ],
  })
  const numpy = element === undefined ? undefined : numpyTypes[element]
  return {
    ...(units ? { units } : {}),
    ...(real && display?.precision !== undefined ? { precision: display.precision } : {}),
    ...(limits === undefined ? {} : { limits }),
    ...(choices.length === 0 ? {} : { choices }),
    ...(numpy === undefined ? {} : { dtypeNumpy: numpy }),
  }
}
