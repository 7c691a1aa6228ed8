import type { DataKeys, Readable, Readings } from "@ophyd-ts/core"
import type { PlanSide } from "../streaming/plan-side.ts"

/** State and counts of a streaming collection, to be read into a run. */
export function streamReadings(name: string, side: PlanSide): Readable {
  const entries = (): [key: string, dtype: "string" | "integer", value: string | number][] => {
    const { state, message, received, missed, processed } = side.report
    return [
      ["state", "string", state],
      ["message", "string", side.failure?.message ?? message],
      ["received", "integer", received],
      ["missed", "integer", missed],
      ["processed", "integer", processed],
      ["results", "integer", side.results.total],
    ]
  }
  const source = `pva://${side.address.prefix}report`
  return {
    name,
    describe: (): DataKeys =>
      Object.fromEntries(entries().map(([key, dtype]) => [`${name}_${key}`, { source, dtype, shape: [] }])),
    read: (): Readings => {
      const timestamp = Date.now() / 1000
      return Object.fromEntries(entries().map(([key, , value]) => [`${name}_${key}`, { value, timestamp }]))
    },
  }
}
