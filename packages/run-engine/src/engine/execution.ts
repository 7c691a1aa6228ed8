import { type Named, StatusCancelledError } from "@ophyd-ts/core"
import { CleanupError, errorOf, FailedPause, FailedStatus, InvalidCommand } from "../errors.ts"
import type { ExitStatus, Metadata, Msg, Plan, RunKey } from "../messages.ts"
import type { Run } from "../runs/run.ts"
import { isStatus, isThenable } from "../util.ts"
import { cleanUp } from "./cleanup.ts"
import { Closing } from "./closing.ts"
import { Groups } from "./groups.ts"
import { givenUp, InFlight } from "./in-flight.ts"
import { isMessage, notAMessage } from "./not-a-message.ts"
import type { RunEngineResult } from "./options.ts"
import { goOn, rest, stopPending } from "./rest.ts"
import { Rewinder, replay, untilOver } from "./rewinder.ts"
import type { EngineServices } from "./services.ts"
import { type Frame, PlanStack } from "./stack.ts"
import { Staged } from "./staged.ts"
import { type Suspension, suspensionPlan } from "./suspension.ts"
import { turn } from "./turn.ts"
import { Waiting } from "./waiting.ts"

/**
 * One plan being carried out: takes message after message from the plan, hands each to its handler, sends the result
 * back. Pauses, suspensions and ends are requests that the loop serves between two messages, or at once when the
 * message in flight can be given up.
 */
export class Execution<T = unknown> {
  readonly engine: EngineServices
  /** Metadata given to `RunEngine.run`. */
  readonly callMetadata: Metadata
  readonly groups: Groups
  readonly rewinder = new Rewinder()
  readonly runs = new Map<RunKey, Run>()
  readonly runUids: string[] = []
  readonly staged = new Staged()
  readonly seen = new Set<Named>()
  readonly subscriptions = new Set<number>()
  readonly problems: Error[] = []
  deferredPause = false

  readonly #stack: PlanStack
  readonly #now: () => number
  readonly #budget: number
  #attention = false
  #suspensions: Suspension[] = []
  /** A stop, abort or halt was asked for. */
  #ending: { exitStatus: ExitStatus; reason: string } | null = null
  /** The plan was told to end: its `finally` blocks run. */
  #closing: Closing | null = null
  #halted = false
  #failure: Error | null = null
  /** An error from between two messages, for the plan. */
  #injected: { error: unknown } | null = null
  #value: unknown
  readonly #inFlight = new InFlight()
  /** The message that was given up. */
  #cutShort: Msg | null = null
  #wake: (() => void) | null = null
  #noted = false

  constructor(plan: Plan<T>, engine: EngineServices, callMetadata: Metadata) {
    this.engine = engine
    this.callMetadata = callMetadata
    this.groups = new Groups(engine.clock, statuses => engine.waiting(statuses))
    this.#stack = new PlanStack(plan, engine.development, thrown => {
      const cause = errorOf(thrown)
      this.problem(new CleanupError(`the clean-up failed, too: ${cause.message}`, { cause }))
    })
    this.#now = () => performance.now()
    this.#budget = engine.busyBudget
  }

  /** Carries the plan out and cleans up. Never rejects: what failed is in the result. */
  async execute(): Promise<RunEngineResult<T>> {
    for (const suspension of this.engine.tripped()) this.suspend(suspension)
    await this.#loop()
    const ending = this.#outcome()
    if (ending.exitStatus === "success" && this.#ending === null) this.#reportForgotten()
    const interrupted = this.#ending !== null
    await cleanUp(this, ending.exitStatus, ending.reason)
    this.engine.states.to("idle")
    return {
      runUids: this.runUids,
      value: interrupted || this.#failure !== null ? undefined : (this.#value as T),
      exitStatus: ending.exitStatus,
      interrupted,
      reason: ending.reason,
      error: this.#failure,
      problems: this.problems,
    }
  }

  #reportForgotten(): void {
    for (const error of this.#stack.forgotten?.errors ?? []) this.problem(error)
  }

  #outcome(): { exitStatus: ExitStatus; reason: string } {
    if (this.#failure !== null) return { exitStatus: "fail", reason: this.#failure.message }
    return this.#ending ?? { exitStatus: "success", reason: "" }
  }

  // ------------------------------------------------------------------ the loop

  async #loop(): Promise<void> {
    const stack = this.#stack
    let lastTurn = this.#now()
    while (stack.top !== null) {
      if (this.#attention) {
        await this.#serve()
        continue
      }
      if (this.#now() - lastTurn > this.#budget) {
        await turn()
        lastTurn = this.#now()
        continue
      }
      const message = this.#next()
      if (message === null) continue
      if (this.#mayClose) {
        this.#attention = true
        continue
      }
      if (this.#closing !== null && !stack.uninterruptible && this.#closing.refuses(message)) {
        this.#endAgain(this.#closing)
        continue
      }
      const answer = this.#carryOut(message)
      if (answer instanceof Promise) await answer
    }
  }

  /** The next message; null when a plan of the stack ended or an error went one plan down. */
  #next(): Msg | null {
    const frame = this.#stack.top!
    try {
      if (!frame.failing) this.#throwWhatIsDue(frame)
      const step = frame.advance()
      if (!step.done) {
        if (isMessage(step.value)) return step.value
        frame.throwNext(notAMessage(step.value))
        return null
      }
      this.#value = this.#stack.finish(step.value)
    } catch (error) {
      if (!this.#stack.fail(error) && error !== this.#closing?.error) this.#failure = errorOf(error)
    }
    return null
  }

  /** A failed action that nobody waited for, or an error from between two messages, reaches the plan now. */
  #throwWhatIsDue(frame: Frame): void {
    const failure = this.groups.takeFailure()
    // What a clean-up cancels, such as a trigger of a device that it unstages, is no failure of the clean-up.
    const wasCancelled =
      this.#stack.uninterruptible &&
      failure instanceof FailedStatus &&
      failure.cause instanceof StatusCancelledError
    if (failure !== null && !wasCancelled) {
      frame.throwNext(failure)
    } else if (this.#injected !== null) {
      frame.throwNext(this.#injected.error)
      this.#injected = null
    }
  }

  /** Gives a promise only when the message takes time. */
  #carryOut(message: Msg): Promise<void> | null {
    const frame = this.#stack.top!
    try {
      this.engine.hooks.msg?.(message)
      this.#noted = !this.#stack.suspended && this.rewinder.note(message, this.#stack.uninterruptible)
      if (message.obj !== null) this.seen.add(message.obj)
      const handler = this.engine.handlers.get(message.command)
      if (handler === undefined) throw new InvalidCommand(message.command)
      const outcome = handler(this, message)
      if (outcome instanceof Waiting || (isThenable(outcome) && !isStatus(outcome))) {
        return this.#finish(message, this.#await(outcome, message))
      }
      const settling = this.engine.dispatcher.settle()
      if (settling !== null) return this.#delivered(settling, frame, outcome)
      frame.succeed(outcome)
    } catch (error) {
      frame.throwNext(error)
    }
    return null
  }

  /** The outcome may be a status: it is handed on here and never returned, which would wait for it. */
  async #delivered(settling: Promise<unknown>, frame: Frame, outcome: unknown): Promise<void> {
    try {
      await settling
      frame.succeed(outcome)
    } catch (error) {
      frame.throwNext(error)
    }
  }

  async #finish(message: Msg, outcome: Promise<unknown>): Promise<void> {
    const frame = this.#stack.top!
    try {
      const value = await outcome
      if (value === givenUp) {
        this.#cutShort = message
        return
      }
      await this.engine.dispatcher.settle()
      frame.succeed(value)
    } catch (error) {
      frame.throwNext(error)
    }
  }

  /** Waits for the outcome, or for a request that lets it go. */
  #await(outcome: PromiseLike<unknown> | Waiting, message: Msg): Promise<unknown> {
    return this.#inFlight.wait(outcome, message, this.#attention ? this.#halted || this.#mayClose : null)
  }

  // ------------------------------------------------------------------ for handlers

  /** Whether the message being carried out will be done again on a rewind. */
  get replayable(): boolean {
    return this.#noted
  }

  /** A rewind point. A deferred pause happens here. */
  checkpoint(): void {
    this.rewinder.checkpoint()
    this.restartStretch()
    if (this.deferredPause) this.pauseNow()
  }

  /** What was done before can no longer be rewound, e.g. after `stage`. */
  restartStretch(): void {
    this.rewinder.restart()
    this.groups.checkpoint()
    for (const run of this.runs.values()) run.checkpoint()
  }

  inject(error: unknown): void {
    this.#injected ??= { error }
  }

  problem(error: Error): void {
    this.problems.push(error)
    try {
      this.engine.hooks.problem?.(error)
    } catch (thrown) {
      this.problems.push(errorOf(thrown))
    }
  }

  /** How a run is closed that does not say it itself. */
  get ending(): { exitStatus: ExitStatus; reason: string } {
    return this.#ending ?? { exitStatus: "success", reason: "" }
  }

  // ------------------------------------------------------------------ requests

  pauseNow(): void {
    this.engine.states.to("pausing")
    this.deferredPause = false
    this.#interrupt(false)
  }

  resume(): void {
    this.engine.states.to("running")
    this.#wake?.()
  }

  /** Nobody may pause a plan that is ending. */
  get pausable(): boolean {
    return this.#ending === null && this.engine.states.can("pausing")
  }

  /** An end was asked for and the plan is not in clean-up of its own that should come to its end first. */
  get #mayClose(): boolean {
    return this.#ending !== null && this.#closing === null && !this.#stack.uninterruptible
  }

  suspend(suspension: Suspension): void {
    if (this.#ending !== null) return
    this.#suspensions.push(suspension)
    this.#interrupt(false)
  }

  /** Stop or abort: the plan's `finally` blocks run. */
  end(exitStatus: ExitStatus, reason: string): void {
    this.engine.states.to(exitStatus === "success" ? "stopping" : "aborting")
    this.#ending = { exitStatus, reason }
    this.deferredPause = false
    // A second stop or abort changes how the run ends; finalisers that run already are not cut short.
    if (this.#mayClose) this.#interrupt(true)
    else this.#wake?.()
  }

  /** Drops the plan: nothing of it runs any more. */
  halt(reason: string): void {
    this.engine.states.to("halting")
    this.#ending = { exitStatus: "abort", reason }
    this.#halted = true
    this.#interrupt(true)
  }

  #interrupt(force: boolean): void {
    this.#attention = true
    this.#inFlight.giveUp(force)
    if (force) this.#wake?.()
  }

  // ------------------------------------------------------------------ serving requests

  async #serve(): Promise<void> {
    this.#attention = false
    if (this.#halted) return this.#stack.drop()
    if (this.engine.states.state === "pausing") await this.#pause()
    if (this.#mayClose) return this.#close()
    if (this.#suspensions.length > 0) await this.#suspend()
  }

  async #pause(): Promise<void> {
    if (!this.rewinder.resumable) return this.end("abort", new FailedPause().message)
    await rest(this)
    if (this.#ending === null) {
      this.engine.states.to("paused")
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
      this.#wake = null
    }
    if (this.#halted || this.#mayClose) return
    await goOn(this)
    this.#rewind()
  }

  async #suspend(): Promise<void> {
    const suspensions = this.#suspensions
    this.#suspensions = []
    if (!this.rewinder.resumable) return this.end("abort", new FailedPause().message)
    this.engine.states.to("suspending")
    await rest(this)
    if (this.#ending === null) this.engine.states.to("running")
    else if (this.#halted || this.#mayClose) return
    this.#rewind()
    for (const suspension of suspensions) this.#stack.push(suspensionPlan(suspension), "suspension")
  }

  resumeFromSuspension(): Promise<void> {
    return goOn(this)
  }

  #rewind(): void {
    const ending = this.#ending !== null
    const messages = this.#stack.suspended ? [] : this.rewinder.take(ending)
    if (!ending) for (const run of this.runs.values()) run.rewind()
    // A message that was given up has not happened: it is done again, rewinding or not.
    const awaited = this.#cutShort
    this.#cutShort = null
    if (awaited !== null && messages.at(-1) !== awaited) messages.push(awaited)
    const left = this.groups.takeLeft()
    if (left.length > 0) messages.unshift(untilOver(left))
    if (messages.length > 0) this.#stack.push(replay(messages), "replay", messages.at(-1))
  }

  async #close(): Promise<void> {
    const { exitStatus, reason } = this.ending
    this.#closing = new Closing(exitStatus, reason, this.#stack.top?.last ?? null)
    this.#cutShort = null
    this.#suspensions = []
    const moving = this.groups.pendingObjects("set", "prepare")
    this.groups.forgetAll()
    this.#injected = null
    await stopPending(this, moving)
    this.#stack.dropReplays()
    this.#stack.top?.throwNext(this.#closing.error)
  }

  /** A plan that swallowed its end and began new work is told once more, and dropped when it will not hear. */
  #endAgain(closing: Closing): void {
    if (closing.again()) {
      this.#stack.top?.throwNext(closing.error)
      return
    }
    this.problem(new CleanupError(`the plan caught "${closing.error.message}" and went on: it was dropped`))
    this.#stack.drop()
  }
}
