/** Small datasets that grow with each image. */
import type { Rows } from "./rows.ts"

/** Values are written so many at a time, and whenever the file is flushed. */
const batch = 64

export type Numbers = Int32Array | Uint32Array | Float64Array
export type MakeNumbers = (values: number[]) => Numbers

export const numbers = {
  int: (values: number[]): Numbers => Int32Array.from(values),
  unsigned: (values: number[]): Numbers => Uint32Array.from(values),
  double: (values: number[]): Numbers => Float64Array.from(values),
} as const

/** A dataset that gets one value, or one row of values, for each image. */
export class Column {
  readonly #rows: Rows
  readonly #make: MakeNumbers
  readonly #width: number
  #pending: number[] = []

  constructor(rows: Rows, make: MakeNumbers, width: number) {
    this.#rows = rows
    this.#make = make
    this.#width = width
  }

  push(...values: number[]): void {
    this.#pending.push(...values)
    if (this.#pending.length >= batch * this.#width) this.write()
  }

  write(): void {
    if (this.#pending.length === 0) return
    this.#rows.append(this.#make(this.#pending), this.#pending.length / this.#width)
    this.#pending = []
  }

  /** Forgets what came after so many images. */
  cut(rows: number): void {
    this.#pending = []
    if (this.#rows.count > rows) this.#rows.resize(rows)
  }

  release(): void {
    this.#rows.release()
  }
}
