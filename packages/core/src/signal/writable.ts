import type { Component } from "../device/component.ts"
import { LimitError } from "../errors.ts"
import type {
  Checkable,
  Locatable,
  Location,
  MaybePromise,
  Movable,
  SetOptions,
  Triggerable,
} from "../protocols.ts"
import type { Action } from "../status/action.ts"
import type { Status, StatusOptions } from "../status/status.ts"
import type { SignalBackend } from "./backend.ts"
import { writeLimits } from "./metadata.ts"
import { type ReadOptions, SignalR } from "./readable.ts"
import { SetSlot, type WhenBusy } from "./set-slot.ts"
import { Signal, type SignalOptions } from "./signal.ts"
import { until } from "./until.ts"

export interface WriteOptions<T> extends SignalOptions<T> {
  /**
   * Whether a write waits until the server has finished all that it set going, for all values or by value. Default true.
   * Say false where completion never comes or comes late: stop fields, starting a busy record.
   */
  completion?: boolean | { of(value: T): boolean }["of"] | undefined
  /** What a `set` does while another is under way; default `reject`. */
  whenBusy?: WhenBusy | undefined
  /** Seconds until a `set` fails; default none. */
  timeout?: number | undefined
  /** Seconds between a successful write and "done"; default 0. */
  settleTime?: number | undefined
  /** Whether the server's control limits are checked before each write; default true. */
  checkLimits?: boolean | undefined
  /** The device's `trigger` writes this value and is done when the write is. */
  triggerValue?: T | undefined
}

export interface WriteCall extends SetOptions {
  whenBusy?: WhenBusy | undefined
  completion?: boolean | undefined
  settleTime?: number | undefined
}

/** What writable signals share. */
class Writer<T> {
  readonly #signal: Signal<T>
  readonly #options: WriteOptions<T>
  readonly #slot = new SetSlot()

  constructor(signal: Signal<T>, options: WriteOptions<T>) {
    this.#signal = signal
    this.#options = options
  }

  check(value: unknown): T {
    const { datatype, metadata, name } = this.#signal
    const checked = datatype.check(value, name, metadata)
    if (!isNumber(checked)) return checked
    const limits = this.#options.checkLimits === false ? null : writeLimits(metadata)
    if (limits !== null && !(checked >= limits.low && checked <= limits.high)) {
      throw new LimitError(name, Number(checked), limits.low, limits.high, metadata.units)
    }
    return checked
  }

  set(
    value: T,
    call: WriteCall,
    backend: SignalBackend<T>,
    clock: StatusOptions["clock"],
    afterwards: ((value: T, action: Action<void>) => void) | null,
  ): Status<void> {
    const checked = this.check(value)
    const own = this.#options
    const completion =
      call.completion ??
      (typeof own.completion === "function" ? own.completion(checked) : (own.completion ?? true))
    const options: StatusOptions = {
      name: this.#signal.name,
      action: "set",
      target: checked,
      // Records give their units with each of their fields, switches too.
      unit: isNumber(checked) ? this.#signal.metadata.units : undefined,
      timeout: call.timeout ?? own.timeout,
      settleTime: call.settleTime ?? own.settleTime,
      signal: call.signal,
      clock,
    }
    return this.#slot.start<void>(options, call.whenBusy ?? own.whenBusy ?? "reject", action => {
      const done = afterwards === null ? () => action.finish() : () => afterwards(checked, action)
      const putting = backend.put(checked, { completion })
      if (putting === undefined) done()
      else putting.then(done, action.fail)
    })
  }
}

const isNumber = (value: unknown): value is number | bigint =>
  typeof value === "number" || typeof value === "bigint"

export interface ReadWriteOptions<T> extends ReadOptions<T>, WriteOptions<T> {
  /** After the write, also wait until the read-back is within `tolerance` of the value; default false. */
  verify?: boolean | undefined
  /** How close counts as arrived with `verify`; default 10 to the power of minus the precision, else equal. */
  tolerance?: number | undefined
}

/** A value that can be read, watched and written. */
export class SignalRW<T> extends SignalR<T> implements Movable<T>, Locatable<T>, Checkable<T> {
  readonly triggerValue: T | undefined
  readonly #writer: Writer<T>
  readonly #verify: boolean
  readonly #tolerance: number | undefined

  constructor(backend: SignalBackend<T>, options: ReadWriteOptions<T> = {}, parent: Component | null = null) {
    super(backend, options, parent)
    this.triggerValue = options.triggerValue
    this.#writer = new Writer<T>(this, options)
    this.#verify = options.verify ?? false
    this.#tolerance = options.tolerance
  }

  /**
   * Writes. Throws before anything is written when the value is wrong (`ValueError`), outside the limits (`LimitError`)
   * or while another set is under way (`SetInProgressError`, see `whenBusy`). The status fails with the server's reason
   * when it refuses, and with "outcome unknown" when the connection breaks meanwhile.
   */
  set(value: T, options: WriteCall = {}): Status<void> {
    const verify = this.#verify ? (target: T, action: Action<void>) => this.#arrive(target, action) : null
    return this.#writer.set(value, options, this.use("set"), this.clock, verify)
  }

  /** Throws what `set` would throw for this value; never writes. */
  checkValue(value: T): void {
    this.#writer.check(value)
  }

  async locate(): Promise<Location<T>> {
    const backend = this.use("locate")
    const [readback, setpoint] = await Promise.all([this.reading(), backend.readSetpoint?.()])
    return { setpoint: (setpoint ?? readback).value, readback: readback.value }
  }

  /** Whether two values count as the same for `verify`. */
  near(a: T, b: T): boolean {
    if (typeof a !== "number" || typeof b !== "number") return this.datatype.equal(a, b)
    const { precision } = this.metadata
    const tolerance = this.#tolerance ?? (precision === undefined ? 0 : 10 ** -precision)
    return Object.is(a, b) || Math.abs(a - b) <= tolerance
  }

  #arrive(target: T, action: Action<void>): void {
    const arriving = until(this, value => this.near(value, target))
    action.onCancel(reason => arriving.cancel(reason))
    arriving.onDone(({ error }) => (error === null ? action.finish() : action.fail(error)))
  }
}

/** A value that can only be written. */
export class SignalW<T> extends Signal<T> implements Movable<T>, Checkable<T> {
  readonly triggerValue: T | undefined
  readonly #writer: Writer<T>

  constructor(backend: SignalBackend<T>, options: WriteOptions<T> = {}, parent: Component | null = null) {
    super(backend, options, parent)
    this.triggerValue = options.triggerValue
    this.#writer = new Writer<T>(this, options)
  }

  /** See `SignalRW.set`. */
  set(value: T, options: WriteCall = {}): Status<void> {
    return this.#writer.set(value, options, this.use("set"), this.clock, null)
  }

  checkValue(value: T): MaybePromise<void> {
    this.#writer.check(value)
  }
}

/** A command: writing one fixed value makes something happen. */
export class SignalX<T = unknown> extends Signal<T> implements Triggerable {
  readonly #value: T
  readonly #writer: Writer<T>

  constructor(
    backend: SignalBackend<T>,
    value: T,
    options: WriteOptions<T> = {},
    parent: Component | null = null,
  ) {
    super(backend, options, parent)
    this.#value = value
    this.#writer = new Writer<T>(this, options)
  }

  /** Runs the command; done as a write is (see `completion`). */
  trigger(options: WriteCall = {}): Status<void> {
    return this.#writer.set(this.#value, options, this.use("run"), this.clock, null)
  }
}
