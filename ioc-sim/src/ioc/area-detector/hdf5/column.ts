/** Small datasets that grow with each image. */
import type { Dataset } from "h5wasm/node"

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
  readonly #dataset: Dataset
  readonly #make: MakeNumbers
  readonly #width: number
  #pending: number[] = []
  #rows = 0

  constructor(dataset: Dataset, make: MakeNumbers, width: number) {
    this.#dataset = dataset
    this.#make = make
    this.#width = width
  }

  push(...values: number[]): void {
    this.#pending.push(...values)
    if (this.#pending.length >= batch * this.#width) this.write()
  }

  write(): void {
    if (this.#pending.length === 0) return
    const rows = this.#rows + this.#pending.length / this.#width
    this.#resize(rows)
    const range: [number, number] = [this.#rows, rows]
    this.#dataset.write_slice(
      this.#width > 1 ? [range, [0, this.#width]] : [range],
      this.#make(this.#pending),
    )
    this.#rows = rows
    this.#pending = []
  }

  /** Forgets what came after so many images. */
  cut(rows: number): void {
    this.#pending = []
    if (this.#rows <= rows) return
    this.#resize(rows)
    this.#rows = rows
  }

  #resize(rows: number): void {
    this.#dataset.resize(this.#width > 1 ? [rows, this.#width] : [rows])
  }
}
