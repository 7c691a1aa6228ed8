import type { Clock, Named, Status } from "@ophyd-ts/core"
import { FailedStatus, WaitTimeout } from "../errors.ts"
import type { Group, WaitKwargs } from "../messages.ts"
import { nameOf } from "../util.ts"
import { Waiting } from "./waiting.ts"

export type Verb = "set" | "trigger" | "prepare" | "kickoff" | "complete" | "stage" | "unstage"

interface Tracked {
  readonly status: Status<unknown>
  readonly obj: Named
  readonly verb: Verb
  readonly group: Group | undefined
  /** Which stretch between checkpoints it was begun in; null when its message is not replayed on a rewind. */
  readonly stretch: number | null
}

interface Waiter {
  readonly groups: ReadonlySet<Group>
  settled(tracked: Tracked): void
}

/** The actions a plan has begun, by group: what is pending, what failed, who waits. */
export class Groups {
  readonly #pending = new Set<Tracked>()
  readonly #byGroup = new Map<Group, Set<Tracked>>()
  #stretch = 0
  #waiter: Waiter | null = null
  #failure: FailedStatus | null = null
  readonly #waitingHook: (statuses: readonly Status<unknown>[] | null) => void
  readonly #clock: Clock

  constructor(clock: Clock, waitingHook: (statuses: readonly Status<unknown>[] | null) => void) {
    this.#clock = clock
    this.#waitingHook = waitingHook
  }

  /** Files a status. A success that is there already needs no filing. */
  track(
    status: Status<unknown>,
    obj: Named,
    verb: Verb,
    group: Group | undefined,
    replayable: boolean,
  ): void {
    if (status.done && status.success) return
    const tracked: Tracked = { status, obj, verb, group, stretch: replayable ? this.#stretch : null }
    this.#pending.add(tracked)
    if (group !== undefined) {
      const members = this.#byGroup.get(group)
      if (members === undefined) this.#byGroup.set(group, new Set([tracked]))
      else members.add(tracked)
    }
    status.onDone(() => this.#settled(tracked))
  }

  #settled(tracked: Tracked): void {
    if (!this.#pending.has(tracked)) return // forgotten by a pause or by the end of the plan
    this.#forget(tracked)
    const waiter = this.#waiter
    if (waiter !== null && tracked.group !== undefined && waiter.groups.has(tracked.group))
      waiter.settled(tracked)
    else if (!tracked.status.success) this.#failure ??= failedStatus(tracked)
  }

  #forget(tracked: Tracked): void {
    this.#pending.delete(tracked)
    if (tracked.group === undefined) return
    const members = this.#byGroup.get(tracked.group)
    members?.delete(tracked)
    if (members?.size === 0) this.#byGroup.delete(tracked.group)
  }

  /** A failure nobody waited for, once: the engine throws it into the plan at its next message. */
  takeFailure(): FailedStatus | null {
    if (this.#failure === null) return null
    const failure = this.#failure
    this.#failure = null
    return failure
  }

  get waitingFor(): boolean {
    return this.#waiter !== null
  }

  /** True at once when nothing of the group is pending. */
  wait({ group, timeout = null, errorOnTimeout = true, watch = [] }: WaitKwargs): true | Waiting<boolean> {
    const members = this.#byGroup.get(group)
    if (members === undefined) return true
    return new Waiting((resolve, reject) => {
      const began = this.#clock.now()
      const end = () => {
        this.#waiter = null
        forgetTimer()
        this.#waitingHook(null)
      }
      const expired = () => {
        end()
        if (!errorOnTimeout) return resolve(false)
        const late = [...members].map(describe).join(", ")
        const elapsed = (this.#clock.now() - began).toFixed(1)
        reject(new WaitTimeout(`wait: still pending after ${elapsed} s: ${late}`))
      }
      const forgetTimer = timeout === null ? () => {} : this.#clock.after(timeout, expired)
      this.#waiter = {
        groups: new Set([group, ...watch]),
        settled: tracked => {
          if (!tracked.status.success) {
            end()
            reject(failedStatus(tracked))
          } else if (members.size === 0) {
            end()
            resolve(true)
          }
        },
      }
      this.#waitingHook([...members].map(m => m.status))
      return end
    })
  }

  checkpoint(): void {
    this.#stretch++
  }

  /** Objects with an action of this kind under way. */
  pendingObjects(...verbs: Verb[]): Named[] {
    return [...new Set([...this.#pending].filter(t => verbs.includes(t.verb)).map(t => t.obj))]
  }

  /** Forgets what was begun since the checkpoint: a replay begins it anew, so its end no longer matters. */
  forgetStretch(): void {
    for (const tracked of [...this.#pending]) if (tracked.stretch === this.#stretch) this.#forget(tracked)
    this.#failure = null
  }

  forgetAll(): void {
    this.#pending.clear()
    this.#byGroup.clear()
    this.#failure = null
  }
}

const describe = ({ status, obj, verb }: Tracked): string =>
  status.description === "" ? `${nameOf(obj)}: ${verb}` : status.description

const failedStatus = (tracked: Tracked): FailedStatus =>
  new FailedStatus(tracked.status, tracked.verb, nameOf(tracked.obj))
