import { PvCore } from "./pv-core.ts"
import type {
  PostOptions,
  PvAccess,
  PvInput,
  PvMetadata,
  PvType,
  PvValue,
  ServedValue,
  ServerClient,
  ServerPvOptions,
} from "./pv-options.ts"

let core: (pv: ServerPv) => PvCore

/** The class behind {@link ServerPv}; `S` is what its value looks like. */
class ServedVariable<S extends ServedValue> {
  static {
    core = pv => pv.#core
  }

  readonly #core: PvCore

  constructor(name: string, options: ServerPvOptions<PvType, PvInput>) {
    this.#core = new PvCore(name, options)
  }

  get name(): string {
    return this.#core.name
  }

  /** The present value. An array is the server's own: read it, do not change it. */
  get value(): S {
    return this.#core.value as S
  }

  /** Alarm severity, 0 none to 3 invalid. */
  get severity(): number {
    return this.#core.snapshot.severity
  }

  /** Alarm condition, 0 none. */
  get status(): number {
    return this.#core.snapshot.status
  }

  /** Time stamp in Unix seconds. */
  get timestamp(): number {
    return this.#core.snapshot.seconds + this.#core.snapshot.nanoseconds * 1e-9
  }

  /** Units, precision, limits and states in force. */
  get metadata(): PvMetadata {
    return this.#core.definition.source
  }

  /** Open channels of clients to this PV. */
  get channelCount(): number {
    return this.#core.channels.size
  }

  /**
   * Sets the value and tells the subscribers, as the dead band allows. An array is copied.
   *
   * @throws CaError BAD_INPUT when the value does not suit the type of the PV or has too many elements.
   */
  post(value: PvInput, options: PostOptions = {}): void {
    this.#core.post(value, options)
  }

  /** Changes alarm and time stamp only; tells subscribers to ALARM when the alarm is another one. */
  postAlarm(options: PostOptions): void {
    this.#core.postAlarm(options)
  }

  /** Changes metadata; what is not given stays. Tells subscribers to PROPERTY. */
  describe(changes: PvMetadata): void {
    this.#core.describe(changes)
  }

  /** Changes what clients may do, at once also for those that are connected. */
  setAccess(access: PvAccess | ((client: ServerClient) => PvAccess)): void {
    this.#core.access = access
    for (const channel of [...this.#core.channels]) channel.accessChanged()
  }
}

/**
 * One served process variable. It may be made before it is added to a server, and keeps working when nobody looks.
 *
 * @example
 * const pv = new ServerPv("X:temp", { type: "double", value: 21.5, units: "C", precision: 2 })
 * server.add(pv)
 * pv.post(22.1)
 */
export type ServerPv<S extends ServedValue = ServedValue> = ServedVariable<S>

/** @throws CaError BAD_INPUT when the options contradict each other or exceed what Channel Access carries. */
export const ServerPv: new <T extends PvType, V extends PvInput>(
  name: string,
  options: ServerPvOptions<T, V>,
) => ServerPv<PvValue<T, V>> = ServedVariable as never

/** The inside of a PV, for the server only. */
export const coreOf = (pv: ServerPv): PvCore => core(pv)
