import { Command, EventMask } from "../wire/constants.ts"
import { Eca } from "../wire/eca.ts"
import type { CircuitOutput } from "./output.ts"
import type { Subscriber } from "./pv-core.ts"
import {
  type Presentation,
  type PresentedPayload,
  presentNothing,
  presentSnapshot,
  type Snapshot,
} from "./snapshot.ts"

/** What the subscriptions of one circuit share. */
export interface SubscriptionHost {
  readonly output: CircuitOutput
  /** The client asked for quiet. */
  readonly quiet: boolean
  /** Subscriptions that hold back their newest update. */
  readonly behind: Set<Subscription>
}

/** What is seen of an update that these events caused; undefined when nothing is. */
export type UpdateFilter = (snapshot: Snapshot, events: number) => Snapshot | undefined

/** One EVENT_ADD. Sends each update while the client keeps up, else only the newest when it has caught up. */
export class Subscription implements Subscriber {
  readonly presentation: Presentation
  readonly mask: number
  readonly subid: number
  /** Updates that a newer one replaced before they were sent. */
  merged = 0
  readonly #host: SubscriptionHost
  readonly #filter: UpdateFilter | undefined
  #held: Snapshot | undefined
  #readable: boolean

  constructor(
    host: SubscriptionHost,
    presentation: Presentation,
    mask: number,
    subid: number,
    readable: boolean,
    filter?: UpdateFilter,
  ) {
    this.#host = host
    this.presentation = presentation
    this.mask = mask
    this.subid = subid
    this.#readable = readable
    this.#filter = filter
  }

  get filtered(): boolean {
    return this.#filter !== undefined
  }

  /** Begins with the present value. */
  begin(snapshot: Snapshot): void {
    if (this.#filter === undefined || !this.#readable) this.refresh(snapshot)
    else this.offer(snapshot, EventMask.VALUE | EventMask.LOG | EventMask.ALARM | EventMask.PROPERTY)
  }

  offer(snapshot: Snapshot, events: number): void {
    const seen = this.#readable ? this.#filter?.(snapshot, events) : undefined
    if (seen !== undefined) this.refresh(seen)
  }

  deliver(snapshot: Snapshot, presented: PresentedPayload): void {
    if (!this.#readable) return
    const { output, quiet, behind } = this.#host
    if (output.blocked || quiet) {
      if (this.#held !== undefined) this.merged++
      this.#held = snapshot
      behind.add(this)
    } else {
      // A newer value overtakes one that is still held back from before.
      this.drop()
      output.data(Command.EVENT_ADD, this.presentation.type, presented, presented.status, this.subid)
    }
  }

  /** Sends the present value now, or as soon as the client keeps up. */
  refresh(snapshot: Snapshot): void {
    if (this.#readable) this.deliver(snapshot, presentSnapshot(snapshot, this.presentation))
    else this.#refuse()
  }

  /** Sends what is held back; the client has caught up. */
  release(): void {
    const snapshot = this.#held
    this.drop()
    if (snapshot !== undefined) this.refresh(snapshot)
  }

  /** Forgets what is held back. */
  drop(): void {
    if (this.#held === undefined) return
    this.#held = undefined
    this.#host.behind.delete(this)
  }

  setReadable(readable: boolean, snapshot: Snapshot): void {
    if (readable === this.#readable) return
    this.#readable = readable
    this.drop()
    this.refresh(snapshot)
  }

  #refuse(): void {
    const nothing = presentNothing(this.presentation, Eca.NORDACCESS)
    this.#host.output.data(Command.EVENT_ADD, this.presentation.type, nothing, nothing.status, this.subid)
  }
}
