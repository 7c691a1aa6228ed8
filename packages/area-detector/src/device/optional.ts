import {
  type Component,
  type ConnectionState,
  type Datatype,
  type Kind,
  type PutOptions,
  type Reading,
  type ReadingListener,
  type ReadOptions,
  type ReadWriteOptions,
  type Signal,
  type SignalBackend,
  SignalR,
  SignalRW,
  SplitBackend,
  systemClock,
  toError,
} from "@ophyd-ts/core"
import { type EpicsPlace, epicsBackend } from "@ophyd-ts/epics"
import { AreaDetectorError } from "../errors.ts"
import { ForwardingBackend } from "./forwarding.ts"

/** Where optional records are looked for. */
export interface OptionalPlace extends Component, EpicsPlace {
  /** A record that every version has: once it answers, the others had their chance. */
  readonly anchor: Signal<unknown>
  /** Seconds that an optional record may take longer than the anchor. */
  readonly probeTime: number
}

/**
 * A record that some versions of ADCore, or some drivers, do not have. It is probed at connect: when the device's other records
 * have answered and this one has not, it is absent, and its signal takes no part in documents. One that turns up later is
 * present from then on.
 */
class OptionalBackend<T> extends ForwardingBackend<T> {
  /** Told when it is known whether the record is there. */
  decided: (present: boolean) => void = () => {}
  readonly #place: OptionalPlace
  readonly #waiting = new Map<ReadingListener<T>, (() => void) | null>()
  #present = false
  #probed = false
  #why: Error | null = null

  constructor(inner: SignalBackend<T>, place: OptionalPlace) {
    super(inner)
    this.#place = place
  }

  override get connection(): ConnectionState {
    if (this.#present) return this.inner.connection
    if (this.#probed) return { connected: true, state: "absent", source: this.source, optional: true }
    return { ...this.inner.connection, connected: false, optional: true }
  }

  get present(): boolean {
    return this.#present
  }

  override async connect(): Promise<void> {
    const found = Promise.resolve(this.inner.connect()).then(
      () => this.#found(),
      thrown => {
        this.#why = toError(thrown)
      },
    )
    await Promise.race([found, this.#patience()])
    this.#probed = true
    this.decided(this.#present)
  }

  override read(): ReturnType<SignalBackend<T>["read"]> {
    return this.#use("read").read()
  }

  readSetpoint(): ReturnType<SignalBackend<T>["read"]> {
    const inner = this.#use("read")
    return inner.readSetpoint?.() ?? inner.read()
  }

  override put(value: T, options: PutOptions): ReturnType<SignalBackend<T>["put"]> {
    return this.#use("write").put(value, options)
  }

  override monitor(listener: ReadingListener<T>): () => void {
    const heard: ReadingListener<T> = (reading: Reading<T>) => listener(reading)
    this.#waiting.set(heard, this.#present ? this.inner.monitor(heard) : null)
    return () => {
      this.#waiting.get(heard)?.()
      this.#waiting.delete(heard)
    }
  }

  #found(): void {
    if (this.#present) return
    this.#present = true
    this.decided(true)
    for (const listener of this.#waiting.keys()) this.#waiting.set(listener, this.inner.monitor(listener))
  }

  /** Ends when the record is late. Never, when not even the anchor answers: that one is reported. */
  async #patience(): Promise<void> {
    try {
      await this.#place.anchor.backend.connect()
    } catch {}
    // In parts: when the process is held up for long, answers that are there already must not count as late.
    for (let part = 0; part < parts; part++)
      await new Promise<void>(resolve => systemClock.after(this.#place.probeTime / parts, resolve))
  }

  #use(verb: string): SignalBackend<T> {
    if (this.#present) return this.inner
    const why = this.#why === null ? "there is no such record" : this.#why.message
    throw new AreaDetectorError("ABSENT", `cannot ${verb} ${this.source}: ${why}`, { cause: this.#why })
  }
}

const parts = 5

/** Whether the record behind a signal exists: always true for one that is not optional, and in mock mode. */
export const isPresent = (signal: Signal<unknown>): boolean =>
  !(signal.backend instanceof OptionalBackend) || signal.backend.present

/** Makes signals for records that need not exist. They are left out of documents unless `kind` says otherwise. */
export class OptionalSignals {
  readonly #place: OptionalPlace

  constructor(place: OptionalPlace) {
    this.#place = place
  }

  /** A record that is only read. */
  r<T>(datatype: Datatype<T>, suffix: string, options: ReadOptions<NoInfer<T>> = {}): SignalR<T> {
    const backend = new OptionalBackend(this.#at(datatype, suffix), this.#place)
    return decide(backend, new SignalR<T>(backend, { kind: "omitted", ...options }, this.#place))
  }

  /** A record that is read and written. */
  rw<T>(datatype: Datatype<T>, suffix: string, options: ReadWriteOptions<NoInfer<T>> = {}): SignalRW<T> {
    const backend = new OptionalBackend(this.#at(datatype, suffix), this.#place)
    return decide(backend, new SignalRW<T>(backend, { kind: "omitted", ...options }, this.#place))
  }

  /** Writes `Gain`, reads `Gain_RBV`. */
  rbv<T>(datatype: Datatype<T>, suffix: string, options: ReadWriteOptions<NoInfer<T>> = {}): SignalRW<T> {
    const both = new SplitBackend(this.#at(datatype, `${suffix}_RBV`), this.#at(datatype, suffix))
    const backend = new OptionalBackend(both, this.#place)
    return decide(backend, new SignalRW<T>(backend, { kind: "omitted", ...options }, this.#place))
  }

  #at<T>(datatype: Datatype<T>, suffix: string): SignalBackend<T> {
    return epicsBackend(datatype, `${this.#place.prefix}${suffix}`, this.#place)
  }
}

function decide<T, S extends Signal<T>>(backend: OptionalBackend<T>, signal: S): S {
  let hidden: Kind | null = null
  backend.decided = present => {
    if (present === (hidden === null)) return
    ;[signal.kind, hidden] = present ? [hidden ?? signal.kind, null] : ["omitted", signal.kind]
  }
  return signal
}
