import { OphydError, toError, ValueError } from "../errors.ts"
import type {
  Configurable,
  ConfigurationChange,
  HasHints,
  MaybePromise,
  Readable,
  Settable,
  Stageable,
  Stoppable,
  Triggerable,
} from "../protocols.ts"
import type { DataKeys, Hints, Readings } from "../reading.ts"
import { isAssignable } from "../signal/backend.ts"
import { SignalR } from "../signal/readable.ts"
import type { Signal } from "../signal/signal.ts"
import { SignalRW, SignalW } from "../signal/writable.ts"
import { Status } from "../status/status.ts"
import { Component, type ComponentOptions } from "./component.ts"
import { type ConnectOptions, connect } from "./connect.ts"
import { gather } from "./gather.ts"
import { SoftSignals } from "./soft-signals.ts"
import { find, RedundantStaging, StageSignals, throwAll } from "./stage-signals.ts"

export type DeviceOptions = ComponentOptions

/**
 * A thing with signals and other devices as typed fields. The constructor does no I/O; `connect` does.
 *
 * ```ts
 * class Shutter extends Device {
 *   readonly position = this.soft.rw(choice("Closed", "Open"), { kind: "hinted" })
 *   readonly delay = this.soft.rw(double, { kind: "config", units: "s" })
 * }
 * const shutter = new Shutter({ name: "shutter" })
 * await shutter.position.set("Open")
 * ```
 *
 * Fields are camelCase, document keys snake_case (`shutter_position`). `read` covers the members of kind normal and
 * hinted, `readConfiguration` those of kind config and the configuration of child devices, both in the order of declaration.
 */
export class Device
  extends Component
  implements Readable, Configurable, Settable, Stageable, Triggerable, Stoppable, HasHints
{
  readonly #stageSignals = new StageSignals(this)
  #staged = false

  constructor(options: DeviceOptions = {}, parent: Component | null = null) {
    super(options, parent)
  }

  /** Makes signals in memory: `readonly gain = this.soft.rw(double, { initial: 1 })`. */
  protected get soft(): SoftSignals {
    return new SoftSignals(this)
  }

  /** Connects all signals below; see `connect`. */
  connect(options: ConnectOptions = {}): Promise<void> {
    return connect(this, options)
  }

  read(): MaybePromise<Readings> {
    return gather(this.#readables().map(child => child.read()))
  }

  describe(): MaybePromise<DataKeys> {
    return gather(this.#readables().map(child => child.describe()))
  }

  readConfiguration(): MaybePromise<Readings> {
    return gather(this.#configurables().map(child => child.readConfiguration()))
  }

  describeConfiguration(): MaybePromise<DataKeys> {
    return gather(this.#configurables().map(child => child.describeConfiguration()))
  }

  get hints(): Hints {
    return { fields: this.#readables().flatMap(child => child.hints.fields ?? []) }
  }

  /** Sets members by their path of fields (`cam.gain`) or their name in documents, one after the other. */
  async configure(values: Record<string, unknown>): Promise<ConfigurationChange> {
    const writes = Object.entries(values).map(([key, value]) => {
      const signal = this.#writable(key)
      signal.checkValue(value)
      return { signal, value }
    })
    const old = await this.readConfiguration()
    for (const { signal, value } of writes) await signal.set(value)
    return { old, new: await this.readConfiguration() }
  }

  /** Writes the `triggerValue` of the members that have one; done when all these writes are. */
  trigger(): Status<unknown> {
    const what = { name: this.name, action: "trigger" }
    const writes: Status<void>[] = []
    for (const child of this.children.values()) {
      if (!(child instanceof SignalRW || child instanceof SignalW) || child.triggerValue === undefined)
        continue
      writes.push(child.set(child.triggerValue))
    }
    return writes.length === 0 ? Status.finished(what) : Status.all(writes, what)
  }

  /** Ends what is under way: stops the children that can be stopped, all of them, then throws what failed. */
  async stop(options: { success?: boolean } = {}): Promise<void> {
    const stops = [...this.children.values()].filter(isStoppable).map(async child => child.stop(options))
    const errors = (await Promise.allSettled(stops)).flatMap(r =>
      r.status === "rejected" ? [toError(r.reason)] : [],
    )
    throwAll(this.name, "stop", errors)
  }

  /** What `stage` writes and `unstage` restores. */
  get stageSignals(): StageSignals {
    return this.#stageSignals
  }

  get staged(): boolean {
    return this.#staged
  }

  /**
   * Prepares for a scan: remembers the present values of all `stageSignals`, writes the staged ones in order, then
   * stages the children. On failure everything done so far is undone before it throws. Gives the devices staged.
   */
  async stage(): Promise<Component[]> {
    if (this.#staged) throw new RedundantStaging(this.name)
    this.#staged = true
    try {
      await this.#stageSignals.apply()
      const staged: Component[] = [this]
      for (const child of this.#stageables()) staged.push(...((await child.stage()) as Component[]))
      return staged
    } catch (thrown) {
      const errors = await this.unstage().then(
        () => [],
        error => [toError(error)],
      )
      throwAll(this.name, "stage failed and could not be undone", [toError(thrown), ...errors])
      throw thrown
    }
  }

  /** Undoes `stage` in reverse; goes on after a failure and throws at the end. Harmless when nothing is staged. */
  async unstage(): Promise<Component[]> {
    const unstaged: Component[] = []
    const errors: Error[] = []
    for (const child of this.#stageables().reverse()) {
      try {
        unstaged.push(...((await child.unstage()) as Component[]))
      } catch (thrown) {
        errors.push(toError(thrown))
      }
    }
    errors.push(...(await this.#stageSignals.restore()))
    this.#staged = false
    throwAll(this.name, "unstage", errors)
    return [...unstaged, this]
  }

  /** All signals below, in the order of declaration. */
  *signals(): IterableIterator<Signal<unknown>> {
    for (const { component } of this.walk()) if ("datatype" in component) yield component as Signal<unknown>
  }

  /** A table for people: name, kind, type and source of each signal. */
  summary(): string {
    const rows = [...this.signals()].map(s => [s.name, s.kind, s.datatype.label, s.source])
    const widths = [0, 1, 2].map(i => Math.max(...rows.map(row => row[i]?.length ?? 0)))
    return rows.map(row => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ")).join("\n")
  }

  /** Changes the value of a soft member that users may only read (and of any member in mock mode). */
  protected assign<T>(signal: SignalR<T>, value: NoInfer<T>): void {
    const { backend } = signal
    if (!isAssignable(backend)) {
      throw new OphydError(
        "NOT_ASSIGNABLE",
        `${signal.name}: only soft signals can be assigned, this is ${backend.source}`,
      )
    }
    backend.assign(value)
  }

  #readables(): ReadableMember[] {
    const members: ReadableMember[] = []
    for (const child of this.children.values()) {
      // Of a device of a hundred signals few are in events: their kind tells that at the least cost.
      if ((child.kind === "normal" || child.kind === "hinted") && isReadable(child)) members.push(child)
    }
    return members
  }

  #configurables(): ReadableMember[] {
    return [...this.children.values()]
      .filter(isReadable)
      .filter(c => c.kind === "config" || (c instanceof Device && c.kind !== "omitted"))
  }

  #stageables(): Device[] {
    return [...this.children.values()].filter(child => child instanceof Device)
  }

  #writable(key: string): SignalRW<unknown> {
    const found = find(this, key) ?? [...this.signals()].find(signal => signal.name === key)
    if (found instanceof SignalRW) return found
    throw new ValueError(
      `${this.name}: cannot configure ${key}: ${found === undefined ? "no such member" : "it is read-only"}`,
    )
  }
}

type ReadableMember = SignalR<unknown> | Device

const isReadable = (child: Component): child is ReadableMember =>
  child instanceof SignalR || child instanceof Device

const isStoppable = (child: Component): child is Component & Stoppable =>
  "stop" in child && typeof child.stop === "function"
