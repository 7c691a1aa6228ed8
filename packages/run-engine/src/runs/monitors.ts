import type { Named, Readable, Subscribable, Subscription } from "@ophyd-ts/core"
import { IllegalMessageSequence } from "../errors.ts"
import { andThen, nameOf } from "../util.ts"
import type { Run } from "./run.ts"
import type { Stream } from "./stream.ts"

export type Monitorable = Subscribable & Readable

interface Monitor {
  stream: Stream
  subscription: Subscription | null
}

/** Objects whose every change becomes an event of their own stream. */
export class Monitors {
  readonly #run: Run
  readonly #monitors = new Map<Monitorable, Monitor>()

  constructor(run: Run) {
    this.#run = run
  }

  add(obj: Monitorable, name = `${nameOf(obj)}_monitor`): void | Promise<void> {
    if (this.#monitors.has(obj))
      throw new IllegalMessageSequence(`monitor: "${nameOf(obj)}" is monitored already`)
    return andThen(this.#run.prepareStream(name, [obj]), stream => {
      const monitor: Monitor = { stream, subscription: null }
      this.#monitors.set(obj, monitor)
      this.#subscribe(obj, monitor)
    }) as void | Promise<void>
  }

  #subscribe(obj: Monitorable, monitor: Monitor): void {
    const { context } = this.#run
    monitor.subscription = obj.subscribeReadings(readings => {
      try {
        context.emit("event", monitor.stream.event([readings]))
      } catch (error) {
        context.fail(error)
      }
    })
  }

  remove(obj: Monitorable): void {
    const monitor = this.#monitors.get(obj)
    if (monitor === undefined)
      throw new IllegalMessageSequence(`unmonitor: "${nameOf(obj)}" is not monitored`)
    this.#monitors.delete(obj)
    monitor.subscription?.unsubscribe()
  }

  /** All of them, also when one cannot be unsubscribed: then it throws at the end. */
  removeAll(): void {
    const errors: unknown[] = []
    for (const obj of [...this.#monitors.keys()]) {
      try {
        this.remove(obj)
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw errors[0]
  }

  /** For the time of a pause. */
  suspend(): void {
    for (const monitor of this.#monitors.values()) {
      monitor.subscription?.unsubscribe()
      monitor.subscription = null
    }
  }

  restore(): void {
    for (const [obj, monitor] of this.#monitors)
      if (monitor.subscription === null) this.#subscribe(obj, monitor)
  }

  /** A monitor's events go on during a rewind: their numbers are not set back. */
  owns(stream: Stream): boolean {
    return [...this.#monitors.values()].some(m => m.stream === stream)
  }

  has(obj: Named): boolean {
    return this.#monitors.has(obj as Monitorable)
  }
}
