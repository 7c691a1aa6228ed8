import type { Msg } from "../messages.ts"
import { ForgottenPlans } from "./forgotten.ts"
import { type Region, within } from "./region.ts"

type Messages = Generator<Msg, unknown, unknown>
type Kind = "plan" | "replay" | "suspension"

/** A plan of the stack and the answer it will be given next. */
export class Frame {
  readonly kind: Kind
  /** The message it yielded last, and waits for. */
  last: Msg | null = null
  /** Whether its result answers the plan below (a replay that ends with the message that plan waits for). */
  readonly answers: boolean
  readonly #plan: Messages
  readonly #region: Region
  #answer: unknown
  #error: { error: unknown } | null = null

  constructor(plan: Messages, kind: Kind, answers: boolean, region: Region) {
    this.#plan = plan
    this.#region = region
    this.kind = kind
    this.answers = answers
  }

  succeed(answer: unknown): void {
    this.#answer = answer
  }

  throwNext(error: unknown): void {
    this.#error = { error }
  }

  /** An error waits to be thrown into the plan. */
  get failing(): boolean {
    return this.#error !== null
  }

  /** Runs the plan to its next message. */
  advance(): IteratorResult<Msg, unknown> {
    const step = within(this.#region, () => this.#step())
    if (!step.done) this.last = step.value
    return step
  }

  #step(): IteratorResult<Msg, unknown> {
    const answer = this.#answer
    const error = this.#error
    this.#answer = undefined
    this.#error = null
    return error === null ? this.#plan.next(answer) : this.#plan.throw(error.error)
  }
}

/** The plan, and what runs on top of it for a while: replays after a pause, the plans of a suspension. */
export class PlanStack {
  readonly #frames: Frame[]
  readonly #region: Region = { depth: 0 }
  /** Stubs that were called and never run; null outside of development mode. */
  readonly forgotten: ForgottenPlans | null = null
  #top: Frame | null

  constructor(plan: Messages, development: boolean, problem: (thrown: unknown) => void) {
    this.#region.problem = problem
    if (development) {
      const forgotten = new ForgottenPlans()
      this.#region.created = (name, made) => forgotten.created(name, made, this.#top?.last ?? null)
      this.forgotten = forgotten
    }
    this.#top = new Frame(plan, "plan", false, this.#region)
    this.#frames = [this.#top]
  }

  get top(): Frame | null {
    return this.#top
  }

  /** Within a suspension's plans, which are neither remembered nor replayed. */
  get suspended(): boolean {
    return this.#frames.length > 1 && this.#frames.some(f => f.kind === "suspension")
  }

  /** Within clean-up that a stop or an abort lets come to its end. */
  get uninterruptible(): boolean {
    return this.#region.depth > 0
  }

  push(plan: Messages, kind: Kind, last?: Msg): void {
    const answers = kind === "replay" && last !== undefined && this.#top?.last === last
    this.#top = new Frame(plan, kind, answers, this.#region)
    this.#frames.push(this.#top)
  }

  /** The top plan ended with this value; gives it back. */
  finish(value: unknown): unknown {
    const { answers } = this.#pop()
    if (answers) this.#top?.succeed(value)
    return value
  }

  /** The top plan failed: its error goes to the plan below. False when there is none. */
  fail(error: unknown): boolean {
    this.#pop()
    this.#top?.throwNext(error)
    return this.#top !== null
  }

  dropReplays(): void {
    this.#keep(frame => frame.kind !== "replay")
  }

  drop(): void {
    this.#keep(() => false)
  }

  #keep(which: (frame: Frame) => boolean): void {
    const kept = this.#frames.filter(which)
    this.#frames.splice(0, this.#frames.length, ...kept)
    this.#top = kept.at(-1) ?? null
  }

  #pop(): Frame {
    const frame = this.#frames.pop()!
    this.#top = this.#frames.at(-1) ?? null
    return frame
  }
}
