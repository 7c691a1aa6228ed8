import { AreaDetectorError } from "../errors.ts"

/** Who tells the camera when to expose: itself, the edge of an external signal, or its level. */
export type TriggerKind = "internal" | "external-edge" | "external-level"

/** What a detector is to take between two commands. What is left out has its default. */
export interface TriggerInfo {
  /** Default internal. */
  trigger?: TriggerKind | undefined
  /** Seconds of one exposure; default what is set. */
  livetime?: number | undefined
  /** Seconds between two exposures; default the least that the camera can do. */
  deadtime?: number | undefined
  /** Exposures that the camera adds up to one frame; default 1. */
  exposuresPerCollection?: number | undefined
  /** Frames of one event; default 1. */
  collectionsPerEvent?: number | undefined
  /** Events of one flight; 0 until completed. Default 1, as it has to be for step scans. */
  numberOfEvents?: number | undefined
  /** Seconds that an exposure may take beyond its own time; default 10. */
  exposureTimeout?: number | undefined
}

/** The same with nothing left out; 0 seconds of `livetime` and `deadtime` mean what is set. */
export type FullTriggerInfo = { readonly [K in keyof TriggerInfo]-?: NonNullable<TriggerInfo[K]> }

const defaults: FullTriggerInfo = {
  trigger: "internal",
  livetime: 0,
  deadtime: 0,
  exposuresPerCollection: 1,
  collectionsPerEvent: 1,
  numberOfEvents: 1,
  exposureTimeout: 10,
}

/** Fills in what was left out; throws for numbers that make no sense. */
export function fullTriggerInfo(who: string, info: TriggerInfo): FullTriggerInfo {
  const given = Object.entries(info).filter(([, value]) => value !== undefined)
  const full = { ...defaults, ...Object.fromEntries(given) } as FullTriggerInfo
  const refuse = (key: keyof TriggerInfo, what: string): never => {
    throw new AreaDetectorError("BAD_TRIGGER_INFO", `${who}: ${key} is ${full[key]}, it must be ${what}`)
  }
  for (const key of ["livetime", "deadtime", "exposureTimeout"] as const)
    if (!(full[key] >= 0 && full[key] < Number.POSITIVE_INFINITY)) refuse(key, "a time in seconds")
  for (const key of ["exposuresPerCollection", "collectionsPerEvent"] as const)
    if (!(Number.isSafeInteger(full[key]) && full[key] >= 1)) refuse(key, "1 or more")
  if (!(Number.isSafeInteger(full.numberOfEvents) && full.numberOfEvents >= 0))
    refuse("numberOfEvents", "0 or more")
  if (full.trigger !== "internal" && full.trigger !== "external-edge" && full.trigger !== "external-level")
    refuse("trigger", "internal, external-edge or external-level")
  return full
}

/** Frames that the camera gives out in all; 0 for a flight without end. */
export const framesOf = (info: FullTriggerInfo): number => info.numberOfEvents * info.collectionsPerEvent

/** More than the one event by internal trigger that a step takes. */
export const isFlight = ({ numberOfEvents, trigger }: FullTriggerInfo): boolean =>
  numberOfEvents !== 1 || trigger !== "internal"
