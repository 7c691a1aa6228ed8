/** Writes HDF5 files in a thread of its own. The thread starts with the first request. */
import type { Worker } from "node:worker_threads"
import { startHdf5Thread } from "../../../hdf5-thread.ts"
import type { PixelArray } from "../frame.ts"
import type { Command, FileLayout, Reply, Request, StoredFrame } from "./messages.ts"

interface Waiting {
  resolve(): void
  reject(error: Error): void
}

export class Hdf5Writer {
  #worker: Worker | undefined
  readonly #waiting = new Map<number, Waiting>()
  #requests = 0

  /** Starts the thread, which takes a fraction of a second. Resolves when a file can be opened without delay. */
  prepare(): Promise<void> {
    return this.#ask({ kind: "prepare" })
  }

  /** Rejects with the reason when the file cannot be made. @param first tells the type of the pixels. */
  open(path: string, first: PixelArray, layout: FileLayout): Promise<void> {
    return this.#ask({ kind: "open", path, first: first.subarray(0, 0), layout })
  }

  /** The pixels are copied: they stay the caller's. */
  write({ data, uniqueId, timeStamp, seconds, nanoseconds, attributes }: StoredFrame): Promise<void> {
    const frame = { data, uniqueId, timeStamp, seconds, nanoseconds, attributes }
    return this.#ask({ kind: "write", frame })
  }

  flush(): Promise<void> {
    return this.#ask({ kind: "flush" })
  }

  /** Leaves in the file what a full disk would: the images up to the last flush. */
  lose(): Promise<void> {
    return this.#ask({ kind: "lose" })
  }

  close(): Promise<void> {
    return this.#ask({ kind: "close" })
  }

  /** Ends the thread; requests that are under way fail. */
  async end(): Promise<void> {
    const worker = this.#worker
    this.#worker = undefined
    await worker?.terminate()
    this.#fail(new Error("the writer was ended"))
  }

  #ask(command: Command): Promise<void> {
    const id = ++this.#requests
    this.#worker ??= this.#start()
    const worker = this.#worker
    return new Promise((resolve, reject) => {
      worker.postMessage({ id, command } satisfies Request)
      this.#waiting.set(id, { resolve, reject })
      // A program ends when nothing but an idle writer is left.
      worker.ref()
    })
  }

  #start(): Worker {
    const worker = startHdf5Thread(new URL("./worker", import.meta.url))
    worker.on("message", ({ id, error }: Reply) => {
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (this.#waiting.size === 0) worker.unref()
      if (error === undefined) waiting?.resolve()
      else waiting?.reject(new Error(error))
    })
    const gone = (error: Error): void => {
      if (this.#worker !== worker) return
      this.#worker = undefined
      this.#fail(error)
    }
    worker.on("error", error => gone(error instanceof Error ? error : new Error(String(error))))
    worker.on("exit", code => gone(new Error(`the thread that writes files ended with code ${code}`)))
    return worker
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
