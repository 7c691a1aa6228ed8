import type { LimitRange, Limits } from "@ophyd-ts/core"

type Pair = readonly [low: number | undefined, high: number | undefined]

/** Limits as event-model groups them. Equal ones, mostly zeros, and NaN mean that there are none. */
export function limitsOf(pairs: {
  control: Pair
  display: Pair
  warning: Pair
  alarm: Pair
}): Limits | undefined {
  const limits: Limits = {}
  for (const group of ["control", "display", "warning", "alarm"] as const) {
    const found = range(pairs[group])
    if (found !== null) limits[group] = found
  }
  return Object.keys(limits).length === 0 ? undefined : limits
}

function range([low = Number.NaN, high = Number.NaN]: Pair): LimitRange | null {
  if (low === high || (Number.isNaN(low) && Number.isNaN(high))) return null
  return { low: Number.isNaN(low) ? null : low, high: Number.isNaN(high) ? null : high }
}
