import type { Limits } from "../reading.ts"

/** What a server says about a signal besides its value. Absent where it does not say. */
export interface Metadata {
  readonly units?: string
  readonly precision?: number
  readonly limits?: Limits
  /** Labels of a choice, by index. */
  readonly choices?: readonly string[]
  /** Type of a number on the server, which may be narrower than the declared one: `<i2`, `|u1`. */
  readonly dtypeNumpy?: string
  /** False when the server forbids it. */
  readonly readable?: boolean
  readonly writable?: boolean
}

/** The range in which writes are allowed; null when there is none, and when low and high are equal or not numbers. */
export function writeLimits(metadata: Metadata): { low: number; high: number } | null {
  const range = metadata.limits?.control
  if (range === undefined) return null
  const low = range.low ?? Number.NEGATIVE_INFINITY
  const high = range.high ?? Number.POSITIVE_INFINITY
  return low < high ? { low, high } : null
}
