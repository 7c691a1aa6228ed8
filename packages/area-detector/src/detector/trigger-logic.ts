import type { AdDriver } from "../device/ad-driver.ts"
import { isPresent } from "../device/optional.ts"
import type { TriggerLogic, TriggerRequest } from "./logic.ts"
import type { Settings } from "./settings.ts"

/** Number of frames, exposure and period, as every areaDetector driver has them. 0 frames: Continuous. */
export async function writeExposure(
  driver: AdDriver,
  { frames, livetime, deadtime }: TriggerRequest,
  settings: Settings,
): Promise<void> {
  await Promise.all([
    settings.write(driver.imageMode, frames === 0 ? "Continuous" : "Multiple"),
    frames === 0 ? undefined : settings.write(driver.numImages, frames),
    livetime === 0 ? undefined : settings.write(driver.acquireTime, livetime),
  ])
  // After the exposure: a driver lengthens a period that is shorter.
  if (livetime > 0 && isPresent(driver.acquirePeriod)) {
    await settings.write(driver.acquirePeriod, livetime + deadtime, {
      accept: (period: number) => period >= livetime * (1 - 1e-6),
    })
  }
}

/** The labels of a driver's trigger mode. Without one for a kind, that kind is refused. */
export interface TriggerModes {
  internal?: string | undefined
  externalEdge?: string | undefined
  externalLevel?: string | undefined
}

/** Trigger logic for drivers that differ in the labels of their trigger mode only. */
export function triggerModes(driver: AdDriver, modes: TriggerModes): TriggerLogic {
  const by = (label: string | undefined) =>
    label === undefined
      ? undefined
      : async (request: TriggerRequest, settings: Settings) => {
          if (isPresent(driver.triggerMode)) await settings.write(driver.triggerMode, label)
          await writeExposure(driver, request, settings)
        }
  const logic: TriggerLogic = {
    exposures: async (exposures, settings) => {
      if (exposures > 1 || isPresent(driver.numExposures))
        await settings.write(driver.numExposures, exposures)
    },
  }
  const internal = by(modes.internal)
  const externalEdge = by(modes.externalEdge)
  const externalLevel = by(modes.externalLevel)
  if (internal !== undefined) logic.internal = internal
  if (externalEdge !== undefined) logic.externalEdge = externalEdge
  if (externalLevel !== undefined) logic.externalLevel = externalLevel
  return logic
}

/** Trigger logic of ADBase: internal, and by an external edge. */
export const baseTriggers = (driver: AdDriver): TriggerLogic =>
  triggerModes(driver, { internal: "Internal", externalEdge: "External" })
