import type { Datatype } from "../datatypes/datatype.ts"
import { OphydError } from "../errors.ts"
import type { MaybePromise } from "../protocols.ts"
import type { Reading } from "../reading.ts"
import { Status } from "../status/status.ts"
import { type ConnectionState, onWhole, type ReadingListener, type SignalBackend } from "./backend.ts"
import type { Metadata } from "./metadata.ts"
import { type ReadOptions, SignalR } from "./readable.ts"
import { type ReadWriteOptions, SignalRW } from "./writable.ts"

/** The signals that a derived one is made of, by the names that its functions use. */
export type Inputs = Record<string, SignalR<unknown>>

/** Their values. */
export type ValuesOf<I extends Inputs> = { [K in keyof I]: I[K] extends SignalR<infer V> ? V : never }

export interface Derivation<T, I extends Inputs> {
  from: I
  /** The value that follows from those of the inputs. Pure. */
  get(values: ValuesOf<I>): T
  units?: string | undefined
  precision?: number | undefined
}

export interface TwoWayDerivation<T, I extends Inputs> extends Derivation<T, I> {
  /** What to write to which inputs so that the value comes out. Pure. */
  set(value: T, values: ValuesOf<I>): Partial<ValuesOf<I>>
}

/** A value computed from other signals; in a mock device from their mock values. */
class DerivedBackend<T, I extends Inputs> implements SignalBackend<T> {
  readonly source: string
  readonly datatype: Datatype<T>
  readonly metadata: Metadata
  readonly keepsInMock = true
  readonly #what: Derivation<T, I> | TwoWayDerivation<T, I>
  readonly #inputs: readonly [string, SignalR<unknown>][]

  constructor(datatype: Datatype<T>, what: Derivation<T, I> | TwoWayDerivation<T, I>) {
    this.datatype = datatype
    this.source = "derived://"
    this.#what = what
    this.#inputs = Object.entries(what.from)
    const { units, precision } = what
    this.metadata = {
      ...(units === undefined ? {} : { units }),
      ...(precision === undefined ? {} : { precision }),
    }
  }

  /** That of the first input that is not connected. */
  get connection(): ConnectionState {
    const [, missing] = this.#inputs.find(([, input]) => !input.connected) ?? []
    if (missing === undefined) return { connected: true, state: "connected" }
    return { ...missing.connection, connected: false, source: missing.source }
  }

  async connect(): Promise<void> {
    await Promise.all(this.#inputs.map(([, input]) => input.backend.connect()))
  }

  read(): MaybePromise<Reading<T>> {
    const readings = this.#inputs.map(([, input]) => input.reading())
    return readings.some(reading => reading instanceof Promise)
      ? Promise.all(readings).then(all => this.#combine(all))
      : this.#combine(readings as Reading[])
  }

  async put(value: T): Promise<void> {
    const { set } = this.#what as TwoWayDerivation<T, I>
    const present = await Promise.all(this.#inputs.map(([, input]) => input.reading()))
    const wanted = set.call(this.#what, value, this.#values(present)) as Record<string, unknown>
    const writes = Object.entries(wanted).map(([key, part]) => {
      const input = this.#what.from[key]
      if (input instanceof SignalRW) return { input, part }
      throw new OphydError(
        "NOT_WRITABLE",
        `${input?.name ?? key} cannot be written, but a derived signal wants to`,
      )
    })
    for (const { input, part } of writes) input.checkValue(part)
    await Status.all(writes.map(({ input, part }) => input.set(part)))
  }

  monitor(listener: ReadingListener<T>): () => void {
    const latest: (Reading | undefined)[] = this.#inputs.map(() => undefined)
    let missing = latest.length
    const subscriptions = this.#inputs.map(([, input], i) =>
      input.subscribe(reading => {
        if (latest[i] === undefined) missing -= 1
        latest[i] = reading
        if (missing === 0) listener(this.#combine(latest as Reading[]))
      }),
    )
    return () => {
      for (const subscription of subscriptions) subscription.unsubscribe()
    }
  }

  onConnection(listener: (connected: boolean) => void): () => void {
    const inputs = this.#inputs.map(([, input]) => input)
    return onWhole(inputs, () => this.connection.connected, listener)
  }

  #values(readings: readonly Reading[]): ValuesOf<I> {
    return Object.fromEntries(this.#inputs.map(([key], i) => [key, readings[i]?.value])) as ValuesOf<I>
  }

  /** The newest time stamp and the worst alarm of the inputs. */
  #combine(readings: readonly Reading[]): Reading<T> {
    const worst = Math.max(...readings.map(reading => reading.alarm_severity ?? 0))
    const message = readings.find(reading => reading.alarm_severity === worst)?.message
    return {
      value: this.#what.get(this.#values(readings)),
      timestamp: Math.max(...readings.map(reading => reading.timestamp)),
      alarm_severity: worst,
      ...(message === undefined ? {} : { message }),
    }
  }
}

/**
 * A signal computed from others; with `set` also the way back, which writes the inputs.
 *
 * ```ts
 * readonly energy = derivedSignal(double, {
 *   from: { angle: this.angle },
 *   get: ({ angle }) => hc / (2 * d * Math.sin(angle)),
 *   set: energy => ({ angle: Math.asin(hc / (2 * d * energy)) }),
 *   units: "keV",
 * })
 * ```
 */
export function derivedSignal<T, I extends Inputs>(
  datatype: Datatype<T>,
  what: TwoWayDerivation<NoInfer<T>, I>,
  options?: ReadWriteOptions<NoInfer<T>>,
): SignalRW<T>
export function derivedSignal<T, I extends Inputs>(
  datatype: Datatype<T>,
  what: Derivation<NoInfer<T>, I>,
  options?: ReadOptions<NoInfer<T>>,
): SignalR<T>
export function derivedSignal<T, I extends Inputs>(
  datatype: Datatype<T>,
  what: Derivation<T, I> | TwoWayDerivation<T, I>,
  options: ReadWriteOptions<T> = {},
): SignalR<T> {
  const backend = new DerivedBackend(datatype, what)
  return "set" in what ? new SignalRW(backend, options) : new SignalR(backend, options)
}
