/** The usual suspenders. Each watches one signal; install them with `RE.installSuspender` or for one plan. */
import { formatValue, type Subscribable } from "@ophyd-ts/core"
import { PlanArgumentError } from "../errors.ts"
import { SignalSuspender, type SuspenderOptions } from "./signal-suspender.ts"

/** Suspends while the value is true (or not zero). */
export const suspendBoolHigh = (signal: Subscribable<boolean | number>, options?: SuspenderOptions) =>
  new SignalSuspender<boolean | number>(
    signal,
    { trips: v => Boolean(v), releases: v => !v, why: () => `${signal.name} is high` },
    options,
  )

/** Suspends while the value is false (or zero). */
export const suspendBoolLow = (signal: Subscribable<boolean | number>, options?: SuspenderOptions) =>
  new SignalSuspender<boolean | number>(
    signal,
    { trips: v => !v, releases: v => Boolean(v), why: () => `${signal.name} is low` },
    options,
  )

export interface ThresholdOptions extends SuspenderOptions {
  /** Where plans may go on; default the threshold that suspends. */
  resumeThreshold?: number
}

/** Suspends when the value falls below the threshold, until it is at or above the resume threshold. */
export function suspendFloor(
  signal: Subscribable<number>,
  threshold: number,
  { resumeThreshold = threshold, ...options }: ThresholdOptions = {},
): SignalSuspender<number> {
  if (resumeThreshold < threshold) {
    throw new PlanArgumentError(
      `suspendFloor: resumeThreshold ${resumeThreshold} is below the threshold ${threshold}`,
    )
  }
  const condition = {
    trips: (v: number) => v < threshold,
    releases: (v: number) => v >= resumeThreshold,
    why: (v: number) => `${signal.name} = ${v} fell below ${threshold}; plans go on from ${resumeThreshold}`,
  }
  return new SignalSuspender(signal, condition, options)
}

/** Suspends when the value rises above the threshold, until it is at or below the resume threshold. */
export function suspendCeil(
  signal: Subscribable<number>,
  threshold: number,
  { resumeThreshold = threshold, ...options }: ThresholdOptions = {},
): SignalSuspender<number> {
  if (resumeThreshold > threshold) {
    throw new PlanArgumentError(
      `suspendCeil: resumeThreshold ${resumeThreshold} is above the threshold ${threshold}`,
    )
  }
  const condition = {
    trips: (v: number) => v > threshold,
    releases: (v: number) => v <= resumeThreshold,
    why: (v: number) => `${signal.name} = ${v} rose above ${threshold}; plans go on from ${resumeThreshold}`,
  }
  return new SignalSuspender(signal, condition, options)
}

function band(name: string, low: number, high: number): (v: number) => boolean {
  if (!(low < high))
    throw new PlanArgumentError(`${name}: the band's low end ${low} is not below its high end ${high}`)
  return v => low < v && v < high
}

/** Suspends while the value is not strictly between `low` and `high`. */
export function suspendWhenOutsideBand(
  signal: Subscribable<number>,
  low: number,
  high: number,
  options?: SuspenderOptions,
): SignalSuspender<number> {
  const inside = band("suspendWhenOutsideBand", low, high)
  const why = (v: number) => `${signal.name} = ${v} is outside of ${low} to ${high}`
  return new SignalSuspender(signal, { trips: v => !inside(v), releases: inside, why }, options)
}

/** Suspends while the value is strictly between `low` and `high`. */
export function suspendWhenInsideBand(
  signal: Subscribable<number>,
  low: number,
  high: number,
  options?: SuspenderOptions,
): SignalSuspender<number> {
  const inside = band("suspendWhenInsideBand", low, high)
  const why = (v: number) => `${signal.name} = ${v} is inside of ${low} to ${high}`
  return new SignalSuspender(signal, { trips: inside, releases: v => !inside(v), why }, options)
}

export interface WhenChangedOptions<T> extends SuspenderOptions {
  /** Default: the first value seen. */
  expected?: T
  /** True: goes on when the expected value is back. False (default): only an abort ends the suspension. */
  allowResume?: boolean
}

/** Suspends when the value differs from what is expected. */
export function suspendWhenChanged<T>(
  signal: Subscribable<T>,
  { expected, allowResume = false, ...options }: WhenChangedOptions<T> = {},
): SignalSuspender<T> {
  let good = expected
  const differs = (value: T) => {
    good ??= value
    return value !== good
  }
  const condition = {
    trips: differs,
    releases: (value: T) => allowResume && !differs(value),
    why: (value: T) => {
      const hint = allowResume ? "" : "; abort and begin anew with what it is now"
      return `${signal.name} is ${formatValue(value)} and not ${formatValue(good)}${hint}`
    },
  }
  return new SignalSuspender(signal, condition, options)
}
