import type { Clock, TypedArray } from "@ophyd-ts/core"
import type { ClientOf } from "@ophyd-ts/epics"
import { ImageError } from "../errors.ts"
import type { Frame } from "../frame.ts"
import {
  type ArrayDescriber,
  type ArrayDescription,
  abortable,
  type CaReading,
  isSettled,
  isTemporary,
  netError,
  pause,
} from "./ca-array.ts"
import type { Arrival, Arrivals } from "./frame-stream.ts"

interface CaArrivalsOptions {
  /** Whether the pixels that are there at the beginning are of interest for more than their number. */
  readonly present: boolean
  readonly settle: number
  readonly clock: Clock
  readonly signal: AbortSignal | undefined
}

/** Times that newer pixels may replace those whose description is awaited. */
const replacements = 3

/** The newest pixels of a waveform, joined with what describes them. */
export class CaArrivals implements Arrivals {
  readonly #monitor: ReturnType<ClientOf["ca"]["monitor"]>
  readonly #channel: ReturnType<ClientOf["ca"]["channel"]>
  readonly #describer: ArrayDescriber
  readonly #options: CaArrivalsOptions
  #newest: CaReading | null = null
  /** After a connect the server sends what it has, new or not. */
  #initial = true
  #begun = false
  #last: ArrayDescription | null = null
  #ended: ImageError | "closed" | null = null
  readonly #over = new AbortController()
  /** Whoever waits for something to happen. */
  #wake: (() => void)[] = []

  constructor(client: ClientOf["ca"], name: string, describer: ArrayDescriber, options: CaArrivalsOptions) {
    this.#describer = describer
    this.#options = options
    this.#channel = client.channel(name)
    this.#channel.events.on("disconnected", this.#onDisconnected)
    // As many elements as the value has: the waveform itself may have room for far more.
    this.#monitor = client.monitor(name, {
      count: 0,
      onUpdate: reading => {
        this.#newest = reading
        this.#tell()
      },
      onClose: () => this.#end("closed"),
    })
    const { signal } = options
    if (signal?.aborted === true) this.#onAbort()
    signal?.addEventListener("abort", this.#onAbort)
  }

  async next(): Promise<Arrival | null> {
    for (;;) {
      while (this.#newest === null && this.#ended === null) await this.#something()
      if (this.#ended === "closed") return null
      if (this.#ended !== null) throw this.#ended
      const reading = this.#newest!
      this.#newest = null
      const initial = this.#initial
      this.#initial = false
      if ((reading.value as TypedArray).length === 0) return { initial, read: () => null }
      try {
        const frame = await (this.#begun || this.#options.present
          ? this.#join(reading)
          : this.#before(reading))
        this.#begun = true
        return { initial, read: () => frame }
      } catch (error) {
        if (this.#ended !== null) continue
        if (error instanceof ImageError)
          return {
            initial,
            read: () => {
              throw error
            },
          }
        // Lost together with the pixels' server: its return brings new ones.
        if (!(isTemporary(error) && !this.#channel.connected)) {
          throw netError(this.#monitor.name, "describing a frame", error)
        }
        this.#initial = true
      }
    }
  }

  #describe(): Promise<ArrayDescription> {
    return abortable(this.#describer.describe(), this.#over.signal, this.#monitor.name)
  }

  /** The frame before all others; null when its description may be that of the one after it already. */
  async #before(reading: CaReading): Promise<Frame | null> {
    const description = await this.#describe()
    if (this.#newest !== null || !isSettled(reading.value as TypedArray, description)) return null
    this.#last = description
    return this.#describer.frame(reading, description)
  }

  /** Pixels with their description; with newer pixels where these come while it is awaited. */
  async #join(first: CaReading): Promise<Frame> {
    const { clock, settle } = this.#options
    const deadline = clock.now() + settle
    let reading = first
    for (let replaced = 0; ; ) {
      const description = await this.#describe()
      if (this.#newest !== null && replaced < replacements) {
        // The description may be that of the newer ones already.
        reading = this.#newest
        this.#newest = null
        replaced += 1
        continue
      }
      const last = this.#last
      const isNew =
        last === null ||
        description.uniqueId !== last.uniqueId ||
        description.arrayCounter !== last.arrayCounter
      const fits = isSettled(reading.value as TypedArray, description)
      if ((fits && isNew) || clock.now() > deadline) {
        this.#last = description
        return this.#describer.frame(reading, description)
      }
      // The plugin posts the pixels before their number.
      await this.#something(pause)
      if (this.#ended !== null) throw new Error("the stream was closed")
    }
  }

  ready(): Promise<void> {
    if (this.#monitor.latest !== undefined) return Promise.resolve()
    return this.#something().then(() => {
      if (this.#ended === null) return
      throw this.#ended === "closed"
        ? new ImageError("IMAGE_NET", `${this.#monitor.name}: subscribing: it was closed`)
        : this.#ended
    })
  }

  close(): void {
    this.#end("closed")
  }

  readonly #onDisconnected = (): void => {
    this.#initial = true
  }

  readonly #onAbort = (): void => {
    const { signal } = this.#options
    const message = `${this.#monitor.name}: waiting for a frame: aborted`
    this.#end(new ImageError("IMAGE_ABORTED", message, { cause: signal?.reason }))
  }

  #end(how: ImageError | "closed"): void {
    if (this.#ended !== null) return
    this.#ended = how
    this.#options.signal?.removeEventListener("abort", this.#onAbort)
    this.#channel.events.off("disconnected", this.#onDisconnected)
    this.#channel.close()
    this.#monitor.close()
    this.#over.abort()
    this.#tell()
  }

  #tell(): void {
    for (const wake of this.#wake.splice(0)) wake()
  }

  /** New pixels, the end, or so many seconds. */
  #something(seconds = Number.POSITIVE_INFINITY): Promise<void> {
    return new Promise(resolve => {
      const cancel = this.#options.clock.after(seconds, resolve)
      this.#wake.push(() => {
        cancel()
        resolve()
      })
    })
  }
}
