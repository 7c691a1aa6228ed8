import { type Clock, DeviceErrors, type Named, type Status } from "@ophyd-ts/core"
import { errorOf, FailedStatus, WaitTimeout } from "../errors.ts"
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
  /** The object gave a promise: what that rejects with is what the plan is told. */
  readonly promised: boolean
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
  readonly #left = new Set<Status<unknown>>()
  /** The first that failed without anybody waiting for it. */
  #failure: Tracked | null = null
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
    promised = false,
  ): void {
    if (status.done && status.success) return
    const stretch = replayable ? this.#stretch : null
    const tracked: Tracked = { status, obj, verb, group, stretch, promised }
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
    else if (!tracked.status.success) this.#failure ??= tracked
  }

  #forget(tracked: Tracked): void {
    this.#pending.delete(tracked)
    if (tracked.group === undefined) return
    const members = this.#byGroup.get(tracked.group)
    members?.delete(tracked)
    if (members?.size === 0) this.#byGroup.delete(tracked.group)
  }

  /** A failure nobody waited for, once: the engine throws it into the plan at its next message. */
  takeFailure(): Error | null {
    if (this.#failure === null) return null
    const failure = failureOf([this.#failure])
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
      const failed: Tracked[] = []
      const end = () => {
        this.#waiter = null
        forgetTimer()
        this.#waitingHook(null)
      }
      // What failed until then still has to reach the plan.
      const leave = () => {
        end()
        this.#failure ??= failed[0] ?? null
      }
      const expired = () => {
        leave()
        if (!errorOnTimeout) return resolve(false)
        const late = [...members].map(describe).join(", ")
        const elapsed = (this.#clock.now() - began).toFixed(1)
        reject(new WaitTimeout(`wait: still pending after ${elapsed} s: ${late}`))
      }
      const forgetTimer = timeout === null ? () => {} : this.#clock.after(timeout, expired)
      this.#waiter = {
        groups: new Set([group, ...watch]),
        settled: tracked => {
          if (!tracked.status.success) failed.push(tracked)
          // What is staged together ends together: its clean-up would meet the others still on their way.
          if (members.size > 0 && failed.every(({ promised }) => promised)) return
          end()
          if (failed.length === 0) resolve(true)
          else reject(failureOf(failed))
        },
      }
      this.#waitingHook([...members].map(m => m.status))
      return leave
    })
  }

  checkpoint(): void {
    this.#stretch++
  }

  /** Objects with an action of this kind under way. */
  pendingObjects(...verbs: Verb[]): Named[] {
    return [...new Set([...this.#pending].filter(t => verbs.includes(t.verb)).map(t => t.obj))]
  }

  /** Forgets what was begun since the checkpoint: a replay begins it anew, so how it ends no longer matters. */
  forgetStretch(): void {
    for (const tracked of [...this.#pending]) {
      if (tracked.stretch !== this.#stretch) continue
      this.#forget(tracked)
      this.#left.add(tracked.status)
    }
    if (this.#failure?.stretch === this.#stretch) this.#failure = null
  }

  /** What was forgotten and still goes on, such as an exposure: nobody can begin it anew before it is over. */
  takeLeft(): Status<unknown>[] {
    const left = [...this.#left].filter(status => !status.done)
    this.#left.clear()
    return left
  }

  forgetAll(): void {
    this.#pending.clear()
    this.#byGroup.clear()
    this.#left.clear()
    this.#failure = null
  }
}

const describe = ({ status, obj, verb }: Tracked): string =>
  status.description === "" ? `${nameOf(obj)}: ${verb}` : status.description

function failureOf(failed: readonly Tracked[]): Error {
  const errors = failed.map(({ status, verb, obj, promised }) =>
    promised ? errorOf(status.error?.cause) : new FailedStatus(status, verb, nameOf(obj)),
  )
  if (errors.length === 1) return errors[0]!
  return new DeviceErrors(failed.map(({ obj }) => nameOf(obj)).join(", "), failed[0]!.verb, errors)
}
