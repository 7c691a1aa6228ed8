import { type Subscription, systemClock } from "@ophyd-ts/core"
import { Observable } from "rxjs"
import { Dispatcher, type SubscribeOptions } from "../documents/dispatcher.ts"
import type { DocumentArgs, NamedDocument, Subscriber } from "../documents/types.ts"
import { errorOf, PlanArgumentError, TransitionError } from "../errors.ts"
import type { Command, Message, Metadata, Plan, Result } from "../messages.ts"
import type { Suspender } from "../suspenders/suspender.ts"
import { uuid4 } from "../util.ts"
import { Execution } from "./execution.ts"
import { builtin } from "./handlers/index.ts"
import { isStore, type MetadataStore, memoryMetadata } from "./metadata.ts"
import type { EngineHooks, Preprocessor, RunEngineOptions, RunEngineResult } from "./options.ts"
import { RunMetadata } from "./run-metadata.ts"
import type { AnyHandler, EngineServices } from "./services.ts"
import { type EngineState, StateMachine } from "./states.ts"
import type { Suspension } from "./suspension.ts"

/**
 * Carries out plans: takes their messages one by one, sends results back, emits documents, and gives the operator
 * pause, resume, stop, abort and halt.
 *
 * ```ts
 * const RE = new RunEngine()
 * RE.subscribe(liveTable({ write: text => process.stdout.write(text) }))
 * const { runUids } = await RE.run(bp.scan([detector], motor, -1, 1, 21))
 * ```
 */
export class RunEngine {
  readonly hooks: EngineHooks
  /** Wrap every plan; the first is the innermost. */
  readonly preprocessors: Preprocessor[]
  /** Metadata that goes into every run's start document; `scan_id` is kept there. */
  readonly metadata: MetadataStore
  /** Result of the plan that ended last, also when it failed. */
  lastResult: RunEngineResult | null = null

  readonly #states: StateMachine
  readonly #dispatcher: Dispatcher
  readonly #handlers = builtin()
  readonly #services: EngineServices
  readonly #suspenders = new Set<Suspender>()
  #execution: Execution | null = null
  #ended: Promise<unknown> = Promise.resolve()
  readonly #listeners = new Set<(state: EngineState) => void>()

  constructor(options: RunEngineOptions = {}) {
    this.hooks = options.hooks ?? {}
    this.preprocessors = options.preprocessors ?? []
    const md = options.metadata ?? {}
    this.metadata = isStore(md) ? md : memoryMetadata(md)
    this.#states = new StateMachine((now, before) => {
      this.#guard(() => this.hooks.state?.(now, before))
      for (const listener of [...this.#listeners]) listener(now)
    })
    this.#dispatcher = new Dispatcher(error => this.#report(error))
    const metadata = new RunMetadata(this.metadata, options)
    this.#services = {
      states: this.#states,
      dispatcher: this.#dispatcher,
      hooks: this.hooks,
      waiting: statuses => this.#guard(() => this.hooks.waiting?.(statuses)),
      handlers: this.#handlers,
      metadata: this.metadata,
      busyBudget: options.busyBudget ?? 5,
      cleanupTimeout: options.cleanupTimeout ?? 30,
      development: options.development ?? inDevelopment(),
      clock: options.clock ?? systemClock,
      uid: options.uid ?? uuid4,
      runMetadata: (open, call) => metadata.forRun(open, call),
      addSuspender: s => this.installSuspender(s),
      removeSuspender: s => this.removeSuspender(s),
      tripped: () => [...this.#suspenders].map(s => s.tripped).filter(s => s !== null),
    }
  }

  #report(error: Error): void {
    this.#execution?.problem(error)
  }

  /** A hook that throws is reported and stops nothing. */
  #guard(hook: () => void): void {
    try {
      hook()
    } catch (error) {
      this.#report(errorOf(error))
    }
  }

  get state(): EngineState {
    return this.#states.state
  }

  /**
   * Carries the plan out. The promise stays pending while the plan is paused; it resolves when the plan came to its
   * end or was stopped, aborted or halted (`exitStatus`, `interrupted` tell), and rejects with the plan's own error
   * when it failed (`lastResult` then has the run uids).
   *
   * @param metadata - goes into the start documents of all runs of this plan, before everything else
   * @throws TransitionError when another plan is running
   */
  async run<T>(plan: Plan<T>, metadata: Metadata = {}): Promise<RunEngineResult<T>> {
    if (typeof (plan as Partial<Plan<T>> | null)?.next !== "function") {
      throw new PlanArgumentError(
        "run: a plan is a generator; call the plan function first: RE.run(count([detector]))",
      )
    }
    if (this.state !== "idle") {
      throw new TransitionError(`run: the RunEngine is ${this.state}, one plan runs at a time`)
    }
    const wrapped = this.preprocessors.reduce<Plan<unknown>>((p, wrap) => wrap(p), plan) as Plan<T>
    const execution = new Execution<T>(wrapped, this.#services, metadata)
    this.#execution = execution as Execution
    this.#states.to("running")
    const ended = execution.execute()
    this.#ended = ended
    const result = await ended
    this.lastResult = result
    if (result.error !== null) throw result.error
    return result
  }

  /**
   * Asks for a pause: at the next checkpoint, or at once with `defer: false` (motors are stopped). Resolves with the
   * state that follows: `paused`, or `idle` when the plan ended before. Where `clear_checkpoint` forbids a resume,
   * the plan is aborted.
   */
  async requestPause({ defer = true }: { defer?: boolean } = {}): Promise<"paused" | "idle"> {
    const execution = this.#running("pause")
    if (!execution.pausable) throw new TransitionError(`pause: the RunEngine is ${this.state}`)
    if (defer) execution.deferredPause = true
    else execution.pauseNow()
    return new Promise(resolve => {
      const listener = (state: EngineState) => {
        if (state !== "paused" && state !== "idle") return
        this.#listeners.delete(listener)
        resolve(state)
      }
      this.#listeners.add(listener)
    })
  }

  /** Goes on after a pause: replays what was done since the last checkpoint. Resolves when the plan has ended. */
  async resume(): Promise<RunEngineResult> {
    if (this.state !== "paused")
      throw new TransitionError(`resume: the RunEngine is ${this.state}, not paused`)
    this.#running("resume").resume()
    return this.#result()
  }

  /** Ends the plan with success: its `finally` blocks run. Resolves when it has ended. */
  async stop(reason = ""): Promise<RunEngineResult> {
    this.#running("stop").end("success", reason)
    return this.#result()
  }

  /** Ends the plan with exit status `abort`: its `finally` blocks run. Resolves when it has ended. */
  async abort(reason = ""): Promise<RunEngineResult> {
    this.#running("abort").end("abort", reason)
    return this.#result()
  }

  /** Drops the plan: nothing of it runs any more, not even `finally`. The engine's own clean-up is done. */
  async halt(reason = ""): Promise<RunEngineResult> {
    this.#running("halt").halt(reason)
    return this.#result()
  }

  async #result(): Promise<RunEngineResult> {
    return (await this.#ended) as RunEngineResult
  }

  #running(verb: string): Execution {
    if (this.#execution === null || this.state === "idle") {
      throw new TransitionError(`${verb}: the RunEngine is idle, no plan is running`)
    }
    return this.#execution
  }

  /** Documents of all runs from now on. See `SubscribeOptions` for viewers and recorders. */
  subscribe(fn: Subscriber, options?: SubscribeOptions): Subscription {
    return this.#dispatcher.subscribe(fn, options)
  }

  /** The documents as an observable; never completes, an observer's error disturbs nobody. */
  readonly documents$: Observable<NamedDocument> = new Observable<NamedDocument>(observer => {
    const subscription = this.subscribe((...[name, doc]: DocumentArgs) =>
      observer.next({ name, doc } as NamedDocument),
    )
    return () => subscription.unsubscribe()
  })

  /**
   * Adds a command or replaces one. Declare its types by merging into `MsgTypes`. The handler gives the result of the
   * `yield`; a promise is waited for.
   */
  registerCommand<C extends Command>(
    command: C,
    handler: (message: Message<C>, engine: RunEngine) => Result<C> | Promise<Result<C>>,
  ): void {
    const any: AnyHandler = (_x, message) => handler(message as unknown as Message<C>, this)
    this.#handlers.set(command, any)
  }

  unregisterCommand(command: Command): void {
    this.#handlers.delete(command)
  }

  /** Keeps plans from running while the suspender is tripped, until it is removed. */
  installSuspender(suspender: Suspender): void {
    if (this.#suspenders.has(suspender)) return
    this.#suspenders.add(suspender)
    suspender.install(suspension => this.suspend(suspension))
  }

  removeSuspender(suspender: Suspender): void {
    if (this.#suspenders.delete(suspender)) suspender.remove()
  }

  /** Suspends the running plan until the suspension is released; without one it does nothing. */
  suspend(suspension: Suspension): void {
    if (this.state !== "idle") this.#execution?.suspend(suspension)
  }
}

function inDevelopment(): boolean {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } }
  return process?.env?.["NODE_ENV"] === "development"
}
