/**
 * Appends to a dataset that grows along its first dimension. This goes below the library's comfortable calls, which ask
 * the file for type and shape each time: what is known already need not be asked a thousand times a second.
 */
import type { Dataset, ready } from "h5wasm/node"

/** The library itself. */
export type Hdf5 = Awaited<typeof ready>

export class Rows {
  readonly #library: Hdf5
  readonly #dataset: Dataset
  /** Sizes of one row. */
  readonly #shape: readonly bigint[]
  readonly #zeros: bigint[]
  readonly #ones: bigint[]
  #count = 0
  #memory = 0
  #capacity = 0

  /** @param shape sizes of one row; none when it is one value. */
  constructor(library: Hdf5, dataset: Dataset, shape: readonly number[]) {
    this.#library = library
    this.#dataset = dataset
    this.#shape = shape.map(BigInt)
    this.#zeros = shape.map(() => 0n)
    this.#ones = [1n, ...shape.map(() => 1n)]
  }

  get count(): number {
    return this.#count
  }

  /** Adds so many rows, of the dataset's type and as the machine keeps numbers. Throws when there is no room, and adds none. */
  append(values: ArrayBufferView, rows = 1): void {
    const { file_id, path } = this.#dataset
    const before = this.#count
    const at = this.#reserve(values.byteLength)
    this.#library.HEAPU8.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at)
    const [size, offset] = [
      [BigInt(rows), ...this.#shape],
      [BigInt(before), ...this.#zeros],
    ]
    try {
      this.resize(before + rows)
      this.#library.set_dataset_data(file_id, path, size, offset, this.#ones, BigInt(at))
    } catch (error) {
      this.resize(before)
      throw error
    }
  }

  /** Forgets rows at the end, or makes room for more. */
  resize(rows: number): void {
    const { file_id, path } = this.#dataset
    this.#library.resize_dataset(file_id, path, [BigInt(rows), ...this.#shape])
    this.#count = rows
  }

  /** Gives memory back. */
  release(): void {
    if (this.#capacity > 0) this.#library._free(this.#memory)
    this.#capacity = 0
  }

  #reserve(bytes: number): number {
    if (bytes <= this.#capacity) return this.#memory
    this.release()
    this.#memory = this.#library._malloc(bytes)
    if (this.#memory === 0) throw new Error(`no memory for ${bytes} bytes`)
    this.#capacity = bytes
    return this.#memory
  }
}

/** The reason in the pages that the library tells of an error: the system's, else the innermost. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  const system = /error message = '([^']*)'/.exec(text)?.[1]
  if (system !== undefined) return system
  const innermost = [...text.matchAll(/#\d+: .* in \w+\(\): (.*)/g)].at(-1)?.[1]
  return innermost ?? text
}
