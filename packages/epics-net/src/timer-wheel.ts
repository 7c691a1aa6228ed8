import type { Clock } from "./clock.ts"

const SLOTS = 512

/** Something with a time limit. Being its own list node, it costs no further object. */
export abstract class WheelTimer {
  /** @internal */
  wheelTick = -1
  /** @internal */
  wheelNext: WheelTimer | undefined = undefined
  /** @internal */
  wheelPrevious: WheelTimer | undefined = undefined

  /** The time limit passed. Must not throw. */
  abstract onTimeout(): void
}

/**
 * Many time limits behind one timer: starting and stopping cost a few assignments. Limits are kept to one
 * resolution (20 ms by default), never early. With nothing to wait for, no timer runs.
 */
export class TimerWheel {
  readonly #clock: Clock
  readonly #resolution: number
  readonly #origin: number
  readonly #slots: (WheelTimer | undefined)[] = new Array(SLOTS).fill(undefined)
  #count = 0
  /** The last tick whose slot was looked at. */
  #tick = 0
  #wakeTick = Number.POSITIVE_INFINITY
  #cancelWake: (() => void) | undefined

  constructor(clock: Clock, resolution = 0.02) {
    this.#clock = clock
    this.#resolution = resolution
    this.#origin = clock.now()
  }

  /** Timers that run. */
  get size(): number {
    return this.#count
  }

  /** Starts, or starts again, a time limit. An infinite one never passes. */
  start(timer: WheelTimer, seconds: number): void {
    this.stop(timer)
    if (seconds === Number.POSITIVE_INFINITY) return
    const now = (this.#clock.now() - this.#origin) / this.#resolution
    if (this.#count === 0) this.#tick = Math.floor(now)
    const tick = Math.max(this.#tick + 1, Math.ceil(now + Math.max(0, seconds) / this.#resolution))
    const slot = tick % SLOTS
    const head = this.#slots[slot]
    timer.wheelTick = tick
    timer.wheelNext = head
    timer.wheelPrevious = undefined
    if (head !== undefined) head.wheelPrevious = timer
    this.#slots[slot] = timer
    this.#count += 1
    if (tick < this.#wakeTick) this.#sleepUntil(tick)
  }

  /** Stops a time limit; one that does not run is left alone. */
  stop(timer: WheelTimer): void {
    if (timer.wheelTick < 0) return
    const { wheelNext: next, wheelPrevious: previous } = timer
    if (previous === undefined) this.#slots[timer.wheelTick % SLOTS] = next
    else previous.wheelNext = next
    if (next !== undefined) next.wheelPrevious = previous
    timer.wheelTick = -1
    timer.wheelNext = undefined
    timer.wheelPrevious = undefined
    this.#count -= 1
    if (this.#count === 0) this.#sleepUntil(Number.POSITIVE_INFINITY)
  }

  #sleepUntil(tick: number): void {
    this.#cancelWake?.()
    this.#cancelWake = undefined
    this.#wakeTick = tick
    if (tick === Number.POSITIVE_INFINITY) return
    const seconds = this.#origin + tick * this.#resolution - this.#clock.now()
    this.#cancelWake = this.#clock.after(seconds, () => this.#wake())
  }

  #wake(): void {
    this.#cancelWake = undefined
    this.#wakeTick = Number.POSITIVE_INFINITY
    // The tenth keeps rounding from putting the wake-up one tick before the one it was meant for.
    const now = Math.floor((this.#clock.now() - this.#origin) / this.#resolution + 0.1)
    const from = Math.max(this.#tick + 1, now - SLOTS + 1)
    const due: WheelTimer[] = []
    for (let tick = from; tick <= now; tick += 1) {
      for (let timer = this.#slots[tick % SLOTS]; timer !== undefined; timer = timer.wheelNext) {
        if (timer.wheelTick <= now) due.push(timer)
      }
    }
    this.#tick = Math.max(this.#tick, now)
    due.sort((a, b) => a.wheelTick - b.wheelTick)
    for (const timer of due) {
      // An earlier one may have stopped, or started again, a later one.
      if (timer.wheelTick < 0 || timer.wheelTick > now) continue
      this.stop(timer)
      timer.onTimeout()
    }
    if (this.#count > 0 && this.#wakeTick === Number.POSITIVE_INFINITY) this.#sleepUntil(this.#next())
    else if (this.#count > 0) this.#sleepUntil(Math.min(this.#wakeTick, this.#next()))
  }

  /** The tick of the next slot that holds anything; it may hold timers of a later turn of the wheel only. */
  #next(): number {
    for (let tick = this.#tick + 1; tick <= this.#tick + SLOTS; tick += 1) {
      if (this.#slots[tick % SLOTS] !== undefined) return tick
    }
    return this.#tick + SLOTS
  }
}
