import { callUser } from "../diagnostics.ts"
import { PvaError } from "../errors.ts"
import type { FieldSet } from "../values/field-set.ts"
import type { StructureType } from "../values/field-type.ts"
import { type Layout, layoutOf } from "../values/layout.ts"
import type { InputOf, PvStructureValue, ValueOf } from "../values/value-of.ts"
import { BitSet } from "../wire/bitset.ts"

/** Who asked, and how. */
export interface RequestContext {
  /** The name the client used. */
  readonly name: string
  /** `host:port` of the client. */
  readonly peer: string
  /** Who the client says it is: a claim, not a proof. "" for an anonymous one. */
  readonly user: string
  /** Options of `record[...]`, as text: process, block, … */
  readonly options: Readonly<Record<string, string>>
  /** Aborts when the client cancels, or is gone. */
  readonly signal: AbortSignal
}

/** One put of a client. */
export interface PutRequest<T extends StructureType = StructureType> extends RequestContext {
  /** What the client sent; what it did not send is empty. */
  readonly value: ValueOf<T>
  /** The fields it sent. */
  readonly changed: FieldSet
  /** Posts exactly what the client sent. */
  apply(): void
}

export interface SharedPvOptions<T extends StructureType> {
  /** The first value. Default all empty. */
  readonly value?: InputOf<T> | ValueOf<T>
  /**
   * A client writes. The client's put completes when the promise resolves, and is refused with the message of what is
   * thrown. Without it the PV is read-only.
   */
  readonly onPut?: (put: PutRequest<T>) => void | Promise<void>
  /**
   * A client calls. Argument and result are structures, as `create` makes them, or null. Without it calls are refused.
   */
  readonly onRpc?: (
    argument: PvStructureValue | null,
    context: RequestContext,
  ) => object | null | Promise<object | null>
  /** The first client has subscribed. */
  readonly onFirstSubscriber?: () => void
  /** The last client's subscription has ended. */
  readonly onLastSubscriber?: () => void
}

/** A subscription of a client, as the PV sees it. */
export interface Subscriber {
  onPost(slots: readonly unknown[], changed: FieldSet): void
}

/** What a session needs to know of a PV while a client has a channel to it. */
export interface AttachedChannel {
  /** The PV is gone: the channel has to be destroyed. */
  onPvClosed(): void
}

/**
 * One value that any number of clients see. Give it to `PvaServer.add`; post changes as they happen; close it to
 * disconnect its clients.
 */
export class SharedPv<T extends StructureType = StructureType> {
  readonly #options: SharedPvOptions<T>
  #layout: Layout
  #slots: readonly unknown[]
  #open = true
  readonly #subscribers = new Set<Subscriber>()
  readonly #channels = new Set<AttachedChannel>()

  /** Throws PvaInputError when the first value does not fit the type. */
  constructor(type: T, options: SharedPvOptions<T> = {}) {
    this.#options = options
    this.#layout = layoutOf(type)
    this.#slots = this.#layout.fill(options.value ?? {})
  }

  /** A PV that takes every put as it comes. */
  static mailbox<T extends StructureType>(type: T, value?: InputOf<T> | ValueOf<T>): SharedPv<T> {
    return new SharedPv(type, { ...(value === undefined ? {} : { value }), onPut: put => put.apply() })
  }

  get type(): T {
    return this.#layout.type as T
  }

  get value(): ValueOf<T> {
    return this.#layout.view(this.#slots) as ValueOf<T>
  }

  get isOpen(): boolean {
    return this.#open
  }

  get subscriberCount(): number {
    return this.#subscribers.size
  }

  /**
   * Changes the given members and tells every subscriber. Typed arrays become the PV's: do not change them afterwards.
   * Throws PvaInputError when something does not fit, and PvaError PVA_CLOSED on a closed PV.
   */
  post(input: InputOf<T> | ValueOf<T>): void {
    const { slots, marks } = this.#assign(input)
    this.#publish(slots, this.#layout.fields(marks))
  }

  /** Changes the given members as {@link post} does, and tells nobody: a GET sees them, and the next whole update. */
  keep(input: InputOf<T> | ValueOf<T>): void {
    this.#slots = this.#assign(input).slots
  }

  /** Disconnects all clients. The name is not found any more until `open`. */
  close(): void {
    if (!this.#open) return
    this.#open = false
    for (const channel of [...this.#channels]) channel.onPvClosed()
  }

  /** Opens a closed PV again, with another type if need be. */
  open(type: T, value?: InputOf<T> | ValueOf<T>): void {
    if (this.#open) throw new PvaError("PVA_BAD_INPUT", "open of a PV that is open")
    const layout = layoutOf(type)
    this.#slots = layout.fill(value ?? {})
    this.#layout = layout
    this.#open = true
  }

  /** @internal */
  get layout(): Layout {
    return this.#layout
  }

  /** @internal */
  get slots(): readonly unknown[] {
    return this.#slots
  }

  /** @internal */
  get handlers(): SharedPvOptions<T> {
    return this.#options
  }

  /** @internal Posts exactly some fields of a client's value. */
  postFields(from: readonly unknown[], fields: FieldSet): void {
    if (!this.#open) throw new PvaError("PVA_CLOSED", "the PV is closed")
    const slots = this.#slots.slice()
    fields.copy(from, slots)
    this.#publish(slots, fields)
  }

  /** @internal */
  attach(channel: AttachedChannel): void {
    this.#channels.add(channel)
  }

  /** @internal */
  detach(channel: AttachedChannel): void {
    this.#channels.delete(channel)
  }

  /** @internal */
  subscribe(subscriber: Subscriber): void {
    this.#subscribers.add(subscriber)
    if (this.#subscribers.size === 1)
      callUser("the first subscriber", () => this.#options.onFirstSubscriber?.())
  }

  /** @internal */
  unsubscribe(subscriber: Subscriber): void {
    if (!this.#subscribers.delete(subscriber) || this.#subscribers.size > 0) return
    callUser("the last subscriber", () => this.#options.onLastSubscriber?.())
  }

  #assign(input: InputOf<T> | ValueOf<T>): { slots: unknown[]; marks: BitSet } {
    if (!this.#open) throw new PvaError("PVA_CLOSED", "post to a PV that is closed")
    const slots = this.#slots.slice()
    const marks = new BitSet()
    this.#layout.assign(slots, input, marks)
    return { slots, marks }
  }

  #publish(slots: readonly unknown[], changed: FieldSet): void {
    this.#slots = slots
    if (changed.size === 0) return
    for (const subscriber of this.#subscribers) subscriber.onPost(slots, changed)
  }
}
