import { readJsonLines } from "@ophyd-ts/run-engine/node"

/** Where the sample is, from a recorded run: the motor's positions, weighted with what the workflow found in the frames. */
export function centreOfResults(file: string): number {
  const streams = new Map<string, Record<string, unknown>[]>()
  const names = new Map<string, string>()
  for (const { name, doc } of readJsonLines(file)) {
    if (name === "descriptor") names.set(doc.uid, doc.name)
    if (name !== "event") continue
    const stream = names.get(doc.descriptor) ?? ""
    streams.set(stream, [...(streams.get(stream) ?? []), doc.data])
  }
  const column = (stream: string, key: string) => (streams.get(stream) ?? []).map(data => Number(data[key]))
  const sums = column("dm_results", "dm_results_sum")
  const lowest = Math.min(...sums)
  const positions = column("primary", "m1")
  const weights = sums.map(sum => sum - lowest)
  const moment = weights.reduce((total, weight, i) => total + weight * (positions[i] ?? 0), 0)
  return moment / weights.reduce((total, weight) => total + weight, 0)
}
