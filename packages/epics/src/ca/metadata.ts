import type { Metadata } from "@ophyd-ts/core"
import type { CaChannel, DbrMetadata } from "node-epics-ca"
import { limitsOf } from "../limits.ts"
import { numpyTypes } from "./conversion.ts"

/** Metadata of a signal from a channel and what came with a CTRL value. */
export function metadataOf(channel: CaChannel, found: DbrMetadata | undefined): Metadata {
  const { units, precision, enumStrings } = found ?? {}
  const limits = limitsOf({
    control: [found?.lowerControlLimit, found?.upperControlLimit],
    display: [found?.lowerDisplayLimit, found?.upperDisplayLimit],
    warning: [found?.lowerWarningLimit, found?.upperWarningLimit],
    alarm: [found?.lowerAlarmLimit, found?.upperAlarmLimit],
  })
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
