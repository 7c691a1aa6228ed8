/** One HDF5 file: images in a dataset that grows, and what is known about each of them beside it. */
import { closeSync, openSync } from "node:fs"
import { type File, File as Hdf5File, ready } from "h5wasm/node"
import type { Column } from "./column.ts"
import { FileBuilder } from "./file-builder.ts"
import type { FileLayout, StoredFrame } from "./messages.ts"
import type { Hdf5, Rows } from "./rows.ts"

export class ImageFile {
  readonly #file: File
  readonly #images: Rows
  readonly #columns: ReadonlyMap<string, Column>
  #flushed = 0
  #last: number | undefined
  #first: number | undefined

  /**
   * Rejects with the reason of the system when the file cannot be made.
   * @param first tells the type of the pixels.
   */
  static async create(path: string, first: StoredFrame["data"], layout: FileLayout): Promise<ImageFile> {
    // The system tells the reason in a word.
    closeSync(openSync(path, "w"))
    const library = await ready
    // Otherwise a failure is a number that nobody looks at, and a page on the error output.
    library.activate_throwing_error_handler()
    const file = new Hdf5File(path, "w", layout.swmr ? { libver: "latest" } : {})
    return new ImageFile(library, file, first, layout)
  }

  private constructor(library: Hdf5, file: File, first: StoredFrame["data"], layout: FileLayout) {
    this.#file = file
    const { images, columns } = new FileBuilder(library, file, first, layout).build()
    this.#images = images
    this.#columns = columns
    // Nothing can be added once readers are told of what grows.
    if (layout.swmr) file.start_swmr_write()
  }

  write(frame: StoredFrame): void {
    const begun = performance.now() / 1000
    this.#images.append(frame.data)
    this.#push("NDArrayUniqueId", frame.uniqueId)
    this.#push("NDArrayTimeStamp", frame.timeStamp)
    this.#push("NDArrayEpicsTSSec", frame.seconds)
    this.#push("NDArrayEpicsTSnSec", frame.nanoseconds)
    for (const { name, value } of frame.attributes) if (typeof value === "number") this.#push(name, value)
    this.#timing(begun, frame.data.byteLength)
  }

  flush(): void {
    for (const column of this.#columns.values()) column.write()
    this.#file.flush()
    this.#flushed = this.#images.count
  }

  /** What a full disk leaves: the images up to the last flush. */
  lose(): void {
    this.#images.resize(this.#flushed)
    for (const column of this.#columns.values()) column.cut(this.#flushed)
  }

  close(): void {
    this.flush()
    this.#images.release()
    for (const column of this.#columns.values()) column.release()
    this.#file.close()
  }

  #push(name: string, ...values: number[]): void {
    this.#columns.get(name)?.push(...values)
  }

  /** Seconds for this image, since the last one, since the first one, and megabits per second of the last two. */
  #timing(begun: number, bytes: number): void {
    const now = performance.now() / 1000
    this.#first ??= begun
    const [write, period, total] = [now - begun, begun - (this.#last ?? begun), now - this.#first]
    this.#last = begun
    const megabits = (bytes * 8) / 1e6
    const rate = (seconds: number, images = 1): number => (seconds > 0 ? (images * megabits) / seconds : 0)
    this.#push(FileBuilder.timing, write, period, total, rate(write), rate(total, this.#images.count))
  }
}
