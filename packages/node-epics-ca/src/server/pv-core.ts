import { Access, EventMask } from "../wire/constants.ts"
import { Dbr, type DbrBase } from "../wire/dbr-types.ts"
import { convert, type NativeData } from "./convert.ts"
import { exceeds } from "./deadband.ts"
import { definePv, type PvDefinition, redefine } from "./definition.ts"
import type {
  PostOptions,
  PutContext,
  PvAccess,
  PvInput,
  PvMetadata,
  PvType,
  ServedValue,
  ServerClient,
  ServerPvOptions,
} from "./pv-options.ts"
import { type Presentation, type PresentedPayload, presentSnapshot, type Snapshot } from "./snapshot.ts"
import { acceptCharacters, acceptWritten, toNative, toPublic } from "./value.ts"

/** A client's subscription, as the PV sees it. */
export interface Subscriber {
  readonly presentation: Presentation
  /** VALUE, LOG, ALARM and PROPERTY bits. */
  readonly mask: number
  /** Whether it decides for itself what it sees of an update: then it is offered each. */
  readonly filtered: boolean
  /** Takes one update. The payload may be used during the call only, the snapshot may be kept. */
  deliver(snapshot: Snapshot, presented: PresentedPayload): void
  /** Takes what passes its filters. */
  offer(snapshot: Snapshot, events: number): void
}

/** Subscribers that want the same bytes: one encoding serves them all. */
interface SubscriberGroup {
  readonly presentation: Presentation
  readonly members: Set<Subscriber>
}

/** A client's channel to a PV, as the PV sees it. */
export interface AttachedChannel {
  accessChanged(): void
  removed(): void
}

/** What every put handler looks like, whatever the type of the PV. */
export type AnyPutHandler = (value: ServedValue, context: PutContext) => void | Promise<void>
type AnyCheck = (value: ServedValue, context: PutContext) => PvInput | undefined

const accessBits: Readonly<Record<PvAccess, number>> = {
  "read-write": Access.READ | Access.WRITE,
  read: Access.READ,
  write: Access.WRITE,
  none: 0,
}

/** The state of one PV and the rules by which it changes. */
export class PvCore {
  readonly name: string
  readonly channels: Set<AttachedChannel> = new Set()
  definition: PvDefinition
  snapshot: Snapshot
  access: PvAccess | ((client: ServerClient) => PvAccess)
  readonly #groups = new Map<number, SubscriberGroup>()
  readonly #filtered = new Set<Subscriber>()
  readonly #deadband: { readonly value: number; readonly log: number }
  readonly #check: AnyCheck | undefined
  readonly #onPut: AnyPutHandler | undefined
  readonly #postPuts: boolean
  /** Values that the last VALUE and LOG events told. */
  #told: { value: number; log: number } = { value: Number.NaN, log: Number.NaN }
  #posts = 0

  constructor(name: string, options: ServerPvOptions<PvType, PvInput>) {
    const { value } = options
    const isScalar = typeof value === "number" || typeof value === "string"
    this.name = name
    this.definition = definePv(name, options, isScalar ? undefined : value.length)
    this.access = options.access ?? "read-write"
    this.#deadband = { value: options.deadband?.value ?? -1, log: options.deadband?.log ?? -1 }
    this.#check = options.check as AnyCheck | undefined
    this.#onPut = options.onPut as AnyPutHandler | undefined
    this.#postPuts = options.postPuts ?? true
    this.snapshot = {
      definition: this.definition,
      data: toNative(name, this.definition, value),
      ...stamp(options, { status: 0, severity: 0 }),
      ackTransient: 1,
      ackSeverity: 0,
    }
    this.#deadbandEvents(this.snapshot.data)
  }

  get value(): ServedValue {
    return toPublic(this.definition, this.snapshot.data)
  }

  /** Whether `NAME.FIELD$` may present it as characters. */
  get isString(): boolean {
    return this.definition.base === Dbr.STRING && !this.definition.isArray
  }

  accessFor(client: ServerClient): number {
    return accessBits[typeof this.access === "function" ? this.access(client) : this.access]
  }

  post(input: PvInput, options: PostOptions = {}): void {
    this.#store(toNative(this.name, this.definition, input), options)
  }

  /** Changes alarm and time stamp, not the value. */
  postAlarm(options: PostOptions): void {
    const before = this.snapshot
    this.snapshot = { ...before, ...stamp(options, before) }
    if (alarmChanged(before, this.snapshot)) this.#tell(EventMask.ALARM)
  }

  describe(changes: PvMetadata): void {
    this.definition = redefine(this.name, this.definition, changes)
    this.snapshot = { ...this.snapshot, definition: this.definition }
    this.#tell(EventMask.PROPERTY)
  }

  acknowledge(changes: { ackTransient?: number; ackSeverity?: number }): void {
    this.snapshot = { ...this.snapshot, ...changes }
  }

  /**
   * A client's write of elements of type `from`. Returns a promise when something goes on that the client may wait for.
   *
   * @throws what refused the write; nothing has changed then.
   */
  write(data: NativeData, from: DbrBase, longString: boolean, context: PutContext): void | Promise<void> {
    const { definition } = this
    let native =
      longString && from !== Dbr.STRING
        ? acceptCharacters(convert(data, from, Dbr.CHAR, definition) as Uint8Array)
        : acceptWritten(definition, data, from)
    if (native === undefined) return
    const replaced = this.#check?.(toPublic(definition, native), context)
    if (replaced !== undefined) native = toNative(this.name, definition, replaced)
    const before = this.#posts
    const outcome = this.#onPut?.(toPublic(definition, native), context)
    if (this.#postPuts && this.#posts === before) this.#store(native, {})
    return outcome
  }

  subscribe(subscriber: Subscriber): void {
    if (subscriber.filtered) {
      this.#filtered.add(subscriber)
      return
    }
    const { presentation } = subscriber
    const key = groupKey(presentation)
    let group = this.#groups.get(key)
    if (group === undefined) {
      group = { presentation, members: new Set() }
      this.#groups.set(key, group)
    }
    group.members.add(subscriber)
  }

  unsubscribe(subscriber: Subscriber): void {
    if (this.#filtered.delete(subscriber)) return
    const key = groupKey(subscriber.presentation)
    const group = this.#groups.get(key)
    if (group?.members.delete(subscriber) && group.members.size === 0) this.#groups.delete(key)
  }

  #store(data: NativeData, options: PostOptions): void {
    const before = this.snapshot
    const { ackTransient, ackSeverity } = before
    this.#posts++
    this.snapshot = {
      definition: this.definition,
      data,
      ...stamp(options, before),
      ackTransient,
      ackSeverity,
    }
    const alarm = alarmChanged(before, this.snapshot) ? EventMask.ALARM : 0
    const events = this.#deadbandEvents(data) | alarm
    if (events !== 0) this.#tell(events)
  }

  /** VALUE and LOG where the change exceeds the dead band; always both for what is no single number. */
  #deadbandEvents(data: NativeData): number {
    const value = data[0]
    if (this.definition.isArray || typeof value !== "number") return EventMask.VALUE | EventMask.LOG
    let events = 0
    if (exceeds(value, this.#told.value, this.#deadband.value)) {
      this.#told.value = value
      events |= EventMask.VALUE
    }
    if (exceeds(value, this.#told.log, this.#deadband.log)) {
      this.#told.log = value
      events |= EventMask.LOG
    }
    return events
  }

  #tell(events: number): void {
    const { snapshot } = this
    for (const { presentation, members } of this.#groups.values()) {
      let presented: PresentedPayload | undefined
      for (const subscriber of members) {
        if ((subscriber.mask & events) === 0) continue
        presented ??= presentSnapshot(snapshot, presentation)
        subscriber.deliver(snapshot, presented)
      }
    }
    for (const subscriber of this.#filtered)
      if ((subscriber.mask & events) !== 0) subscriber.offer(snapshot, events & subscriber.mask)
  }
}

/** One number per type, count and form; counts stay below 2³². */
const groupKey = ({ type, count, longString }: Presentation): number =>
  count * 128 + type * 2 + (longString ? 1 : 0)

const alarmChanged = (a: Snapshot, b: Snapshot): boolean => a.status !== b.status || a.severity !== b.severity

function stamp(
  options: PostOptions,
  before: { readonly status: number; readonly severity: number },
): Pick<Snapshot, "status" | "severity" | "seconds" | "nanoseconds"> {
  const severity = options.severity ?? before.severity
  const status = options.status ?? (severity === 0 ? 0 : before.status)
  return { status, severity, ...timeOf(options.timestamp) }
}

function timeOf(timestamp: PostOptions["timestamp"]): { seconds: number; nanoseconds: number } {
  if (timestamp === undefined) {
    const now = Date.now()
    return { seconds: Math.floor(now / 1000), nanoseconds: (now % 1000) * 1_000_000 }
  }
  if (typeof timestamp !== "number") return timestamp
  const seconds = Math.floor(timestamp)
  return { seconds, nanoseconds: Math.min(999_999_999, Math.round((timestamp - seconds) * 1e9)) }
}
