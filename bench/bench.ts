/** One line of a benchmark: ours and a peer's figure, taken in the same run on the same machine. */
export interface BenchRow {
  name: string
  /** `1/s`, `ms`, `B` …: rates are better when larger, times and sizes when smaller. */
  unit: string
  /** Median of the samples. */
  ours: number
  /** Median of the peer's samples; null where the peer cannot do it or is not installed. */
  peer: number | null
  peerName: string
  /** Above 1 always means that ours is better; null without a peer. */
  ratio: number | null
  /** (max - min) / median of our samples: the noise to read the ratio with. */
  spread?: number
  /** Number of samples behind `ours`. */
  samples?: number
}

/** What each `bench/NAME.ts` exports as `run`. */
export type Bench = (options: BenchOptions) => Promise<BenchRow[]>

export interface BenchOptions {
  /** Repetitions of each figure; alternate ours and the peer's so that a noisy minute hits both. */
  samples: number
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  if (sorted.length === 0) return Number.NaN
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

const largerIsBetter = (unit: string): boolean => unit.endsWith("/s")

/** Makes a row of raw samples: medians, their ratio in the direction of "better", and the spread. */
export function compare(
  name: string,
  unit: string,
  ours: readonly number[],
  peer: readonly number[] | null,
  peerName: string,
): BenchRow {
  const own = median(ours)
  const other = peer === null || peer.length === 0 ? null : median(peer)
  const ratio = other === null ? null : largerIsBetter(unit) ? own / other : other / own
  const spread = (Math.max(...ours) - Math.min(...ours)) / own
  return { name, unit, ours: own, peer: other, peerName, ratio, spread, samples: ours.length }
}

/** Calls per second of `round`, which makes `calls`, over `limit` milliseconds; its first call is not counted. */
export async function callRate(limit: number, round: () => Promise<unknown>, calls = 1): Promise<number> {
  await round()
  const start = performance.now()
  let done = 0
  while (performance.now() - start < limit) {
    await round()
    done += calls
  }
  return (done / (performance.now() - start)) * 1000
}
