import type { LimitRange, Limits, Metadata } from "@ophyd-ts/core"
import type { CaChannel, DbrMetadata } from "node-epics-ca"
import { numpyTypes } from "./conversion.ts"

/** Metadata of a signal from a channel and what came with a CTRL value. */
export function metadataOf(channel: CaChannel, found: DbrMetadata | undefined): Metadata {
  const { units, precision, enumStrings } = found ?? {}
  const limits = found === undefined ? undefined : limitsOf(found)
  const numpy = channel.nativeType === undefined ? undefined : numpyTypes[channel.nativeType]
  return {
    ...(units ? { units } : {}),
    ...(precision === undefined ? {} : { precision }),
    ...(limits === undefined ? {} : { limits }),
    ...(enumStrings === undefined ? {} : { choices: enumStrings }),
    ...(numpy === undefined ? {} : { dtypeNumpy: numpy }),
    readable: channel.readable,
    writable: channel.writable,
  }
}

/** Channel Access always sends limits; equal ones, mostly zeros, and NaN mean that there are none. */
function limitsOf(m: DbrMetadata): Limits | undefined {
  const limits: Limits = {}
  const control = range(m.lowerControlLimit, m.upperControlLimit)
  const display = range(m.lowerDisplayLimit, m.upperDisplayLimit)
  const warning = range(m.lowerWarningLimit, m.upperWarningLimit)
  const alarm = range(m.lowerAlarmLimit, m.upperAlarmLimit)
  if (control !== null) limits.control = control
  if (display !== null) limits.display = display
  if (warning !== null) limits.warning = warning
  if (alarm !== null) limits.alarm = alarm
  return Object.keys(limits).length === 0 ? undefined : limits
}

function range(low = Number.NaN, high = Number.NaN): LimitRange | null {
  if (low === high || (Number.isNaN(low) && Number.isNaN(high))) return null
  return { low: Number.isNaN(low) ? null : low, high: Number.isNaN(high) ? null : high }
}
