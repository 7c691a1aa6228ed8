import type { Status } from "@ophyd-ts/core"
import { type Command, type Msg, msg } from "../messages.ts"

/** Messages that a rewind does not do again. */
const notReplayed: ReadonlySet<Command> = new Set<Command>([
  "pause",
  "subscribe",
  "unsubscribe",
  "stage",
  "unstage",
  "monitor",
  "unmonitor",
  "open_run",
  "close_run",
  "install_suspender",
  "remove_suspender",
  // What it does is outside of the engine's knowledge; doing it twice could start a second job.
  "call",
])

/** False for messages that a pause lets finish, because a replay would not do them again. */
export const isReplayed = (command: Command): boolean => !notReplayed.has(command)

/** Remembers the messages since the last checkpoint, which a resume does again. */
export class Rewinder {
  #messages: Msg[] | null = []
  #allowed = true
  /** Where the messages of clean-up that is under way begin; null outside of clean-up. */
  #cleanUp: number | null = null

  /** Remembers the message; false when it will not be replayed. */
  note(message: Msg, inCleanUp: boolean): boolean {
    if (!inCleanUp) this.#cleanUp = null
    else this.#cleanUp ??= this.#messages?.length ?? 0
    if (this.#messages === null || !this.#allowed || !isReplayed(message.command)) return false
    this.#messages.push(message)
    return true
  }

  /** From here a rewind begins. */
  checkpoint(): void {
    this.#messages = []
    if (this.#cleanUp !== null) this.#cleanUp = 0
  }

  /** Like a checkpoint, but it does not make a plan resumable that is not. */
  restart(): void {
    if (this.#messages !== null) this.checkpoint()
  }

  /** From here no rewind and so no resume is possible. */
  clear(): void {
    this.#messages = null
  }

  get resumable(): boolean {
    return this.#messages !== null
  }

  get allowed(): boolean {
    return this.#allowed
  }

  set allowed(allowed: boolean) {
    if (allowed !== this.#allowed) this.restart()
    this.#allowed = allowed
  }

  /**
   * The messages to replay; they are remembered anew as they are replayed. A plan that is to end replays only its
   * clean-up and measures nothing again.
   */
  take(ending: boolean): Msg[] {
    const messages = this.#messages ?? []
    this.#messages = []
    if (!ending) return messages
    return messages.slice(this.#cleanUp ?? messages.length)
  }
}

/** A message that waits until these are over, well or not. */
export const untilOver = (statuses: readonly Status<unknown>[]): Msg =>
  msg("wait_for", null, [
    statuses.map(status => () => new Promise<void>(resolve => status.onDone(() => resolve()))),
  ])

/** Replays; gives the result of the last message, which is the one the plan waits for. */
export function* replay(messages: readonly Msg[]): Generator<Msg, unknown, unknown> {
  let last: unknown
  for (const message of messages) last = yield message
  return last
}
