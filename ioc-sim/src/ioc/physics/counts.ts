/** Counting noise for very many pixels: a table of deviates makes it cheap, a seed repeats it. */
import type { Noise } from "./random.ts"

const tableSize = 8192
/** Above this mean the distribution is taken as normal. */
const manyCounts = 12

/** Draws numbers of counts. The table is made when the first one is drawn. */
export class CountSampler {
  readonly #noise: Noise
  #deviates: Float64Array | undefined
  #at = 0

  constructor(noise: Noise) {
    this.#noise = noise
  }

  /** Counts of a pixel that sees so many on the mean. */
  draw(mean: number): number {
    if (!(mean > 0)) return 0
    if (mean > manyCounts) {
      this.#deviates ??= Float64Array.from({ length: tableSize }, () => this.#noise.normal())
      this.#at = (this.#at + 1) % tableSize
      return Math.max(0, Math.round(mean + Math.sqrt(mean) * (this.#deviates[this.#at] ?? 0)))
    }
    const uniform = this.#noise.uniform()
    let probability = Math.exp(-mean)
    let sum = probability
    let counts = 0
    while (uniform > sum && counts < 60) {
      counts++
      probability *= mean / counts
      sum += probability
    }
    return counts
  }

  /** Uniform from 0 up to but not including 1. */
  uniform(): number {
    return this.#noise.uniform()
  }

  /** Continues at another place of the table, so that two images do not have the same noise. */
  shuffle(): void {
    this.#at = Math.floor(this.#noise.uniform() * tableSize)
  }
}
