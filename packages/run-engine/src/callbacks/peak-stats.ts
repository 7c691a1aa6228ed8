import type { Event, RunStop } from "../documents/types.ts"
import { DocumentRouter } from "./router.ts"

export interface PeakStats {
  /** Point with the lowest and the highest y. */
  min: [x: number, y: number]
  max: [x: number, y: number]
  /** Centre of mass of y, along x; null where y sums to zero. */
  com: number | null
  /** Mean of the crossings; null without any. */
  cen: number | null
  /** Positions at which y crosses the middle between its lowest and highest value. */
  crossings: number[]
  /** Distance of the first and last crossing; null with fewer than two. */
  fwhm: number | null
  /** The straight line that was subtracted, if one was asked for. */
  background: { slope: number; intercept: number } | null
}

export interface PeakStatsOptions {
  /** Points at each edge through whose means a straight background is drawn and subtracted. */
  edgeCount?: number
}

const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length

/** Statistics of a peak in measured order; null without points. x need not be sorted or evenly spaced. */
export function peakStats(
  x: readonly number[],
  y: readonly number[],
  { edgeCount }: PeakStatsOptions = {},
): PeakStats | null {
  if (x.length === 0 || x.length !== y.length) return null
  const background = edgeCount === undefined ? null : line(x, y, edgeCount)
  const level =
    background === null ? y : y.map((v, i) => v - (background.slope * x[i]! + background.intercept))
  const lowest = indexOfBest(level, (a, b) => a < b)
  const highest = indexOfBest(level, (a, b) => a > b)
  const crossings = crossingsOf(x, level, (level[lowest]! + level[highest]!) / 2)
  return {
    min: [x[lowest]!, y[lowest]!],
    max: [x[highest]!, y[highest]!],
    com: centreOfMass(x, level),
    cen: crossings.length === 0 ? null : mean(crossings),
    crossings,
    fwhm: crossings.length < 2 ? null : Math.abs(crossings.at(-1)! - crossings[0]!),
    background,
  }
}

function line(
  x: readonly number[],
  y: readonly number[],
  edge: number,
): { slope: number; intercept: number } {
  const [x0, y0] = [mean(x.slice(0, edge)), mean(y.slice(0, edge))]
  const [x1, y1] = [mean(x.slice(-edge)), mean(y.slice(-edge))]
  const slope = (y1 - y0) / (x1 - x0)
  return { slope, intercept: y0 - slope * x0 }
}

function indexOfBest(values: readonly number[], better: (a: number, b: number) => boolean): number {
  let best = 0
  values.forEach((v, i) => {
    if (better(v, values[best]!)) best = i
  })
  return best
}

/** The mean index, weighted with y, looked up on the x axis. */
function centreOfMass(x: readonly number[], y: readonly number[]): number | null {
  const total = y.reduce((sum, v) => sum + v, 0)
  if (total === 0) return null
  const index = y.reduce((sum, v, i) => sum + v * i, 0) / total
  if (index <= 0) return x[0]!
  if (index >= x.length - 1) return x.at(-1)!
  const i = Math.floor(index)
  return x[i]! + (x[i + 1]! - x[i]!) * (index - i)
}

function crossingsOf(x: readonly number[], y: readonly number[], middle: number): number[] {
  const crossings: number[] = []
  for (let i = 0; i + 1 < x.length; i++) {
    const [a, b] = [y[i]!, y[i + 1]!]
    if (a > middle === b > middle) continue
    crossings.push(x[i]! + ((middle - a) * (x[i + 1]! - x[i]!)) / (b - a))
  }
  return crossings
}

/** Collects two fields of a stream; `result` has their statistics when a run has ended. */
export class PeakStatsCollector extends DocumentRouter {
  result: PeakStats | null = null
  readonly #x: string
  readonly #y: string
  readonly #options: PeakStatsOptions
  #points = new Map<string, [number, number]>()

  constructor(x: string, y: string, options: PeakStatsOptions = {}) {
    super()
    this.#x = x
    this.#y = y
    this.#options = options
  }

  override start(): void {
    this.#points = new Map()
  }

  override event({ descriptor, seq_num, data }: Event): void {
    const [x, y] = [data[this.#x], data[this.#y]]
    // A point that was measured again has the same number: the later one counts.
    if (typeof x === "number" && typeof y === "number") this.#points.set(`${descriptor} ${seq_num}`, [x, y])
  }

  override stop(_doc: RunStop): void {
    const points = [...this.#points.values()]
    this.result = peakStats(
      points.map(([x]) => x),
      points.map(([, y]) => y),
      this.#options,
    )
  }
}
