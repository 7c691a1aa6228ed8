import { Access } from "../wire/constants.ts"
import { Dbr, type DbrBase } from "../wire/dbr-types.ts"
import { Eca } from "../wire/eca.ts"
import { writeAccessRights } from "../wire/messages/channel.ts"
import { PutRefused } from "./errors.ts"
import type { ChannelFilters } from "./filters.ts"
import type { ResolvedName } from "./names.ts"
import type { CircuitOutput } from "./output.ts"
import type { PutRequest } from "./put-request.ts"
import type { AttachedChannel, PvCore } from "./pv-core.ts"
import type { ServerClient } from "./pv-options.ts"
import type { Snapshot } from "./snapshot.ts"
import type { Subscription } from "./subscription.ts"

/** What a channel needs of its circuit. */
export interface ChannelHost {
  readonly client: ServerClient
  readonly output: CircuitOutput
  /** The PV is gone: the client is told and the channel forgotten. */
  lose(channel: Channel, reason: Error): void
}

/** One client's channel to one PV. */
export class Channel implements AttachedChannel {
  readonly cid: number
  readonly sid: number
  readonly pv: PvCore
  /** The name ended in `$`: the string is shown as characters. */
  readonly longString: boolean
  /** What its name says to do with what is seen through it. */
  readonly filters: ChannelFilters | undefined
  readonly subscriptions: Map<number, Subscription> = new Map()
  /** Puts that the client waits for, and how to answer them. */
  readonly puts: Map<PutRequest, (error: Error) => void> = new Map()
  readonly #host: ChannelHost
  #rights: number

  constructor(host: ChannelHost, cid: number, sid: number, { pv, longString, filters }: ResolvedName) {
    this.#host = host
    this.cid = cid
    this.sid = sid
    this.pv = pv
    this.longString = longString
    this.filters = filters
    this.#rights = pv.accessFor(host.client)
    pv.channels.add(this)
  }

  get nativeType(): DbrBase {
    return this.longString ? Dbr.CHAR : this.pv.definition.base
  }

  get maxCount(): number {
    const { maxLength, maxCount } = this.pv.definition
    return this.longString ? maxLength : (this.filters?.count(maxCount) ?? maxCount)
  }

  get readable(): boolean {
    return (this.#rights & Access.READ) !== 0
  }

  get writable(): boolean {
    return (this.#rights & Access.WRITE) !== 0
  }

  /** The PV as it is seen through this channel. */
  get snapshot(): Snapshot {
    return this.filters?.view(this.pv.snapshot) ?? this.pv.snapshot
  }

  writeAccess(): void {
    writeAccessRights(this.#host.output.writer, { cid: this.cid, read: this.readable, write: this.writable })
    this.#host.output.written()
  }

  accessChanged(): void {
    const rights = this.pv.accessFor(this.#host.client)
    if (rights === this.#rights) return
    this.#rights = rights
    this.writeAccess()
    for (const subscription of this.subscriptions.values()) {
      subscription.setReadable(this.readable, this.snapshot)
    }
  }

  removed(): void {
    const reason = new PutRefused(`${this.pv.name} was removed from the server`, Eca.DISCONN)
    for (const answer of [...this.puts.values()]) answer(reason)
    this.#host.lose(this, reason)
  }

  addSubscription(subscription: Subscription): void {
    this.subscriptions.set(subscription.subid, subscription)
    this.pv.subscribe(subscription)
    subscription.begin(this.pv.snapshot)
  }

  removeSubscription(subscription: Subscription): void {
    this.subscriptions.delete(subscription.subid)
    this.pv.unsubscribe(subscription)
    subscription.drop()
  }

  /** Ends subscriptions and tells handlers of puts that nobody waits any longer. */
  close(reason: Error): void {
    this.pv.channels.delete(this)
    for (const subscription of this.subscriptions.values()) this.removeSubscription(subscription)
    for (const put of this.puts.keys()) put.abort(reason)
    this.puts.clear()
  }
}
