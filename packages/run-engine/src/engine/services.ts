import type { Clock, Status } from "@ophyd-ts/core"
import type { Dispatcher } from "../documents/dispatcher.ts"
import type { Metadata, Msg } from "../messages.ts"
import type { Suspender } from "../suspenders/suspender.ts"
import type { Execution } from "./execution.ts"
import type { MetadataStore } from "./metadata.ts"
import type { EngineHooks } from "./options.ts"
import type { StateMachine } from "./states.ts"
import type { Suspension } from "./suspension.ts"

/** Carries out one message. What it returns is the result; promises (but not statuses) and `Waiting` are waited for. */
export type AnyHandler = (x: Execution, message: Msg) => unknown

/** What an execution needs from its engine: what outlives a plan. */
export interface EngineServices {
  readonly states: StateMachine
  readonly dispatcher: Dispatcher
  readonly hooks: EngineHooks
  /** The waiting hook, which may not disturb the engine. */
  waiting(statuses: readonly Status<unknown>[] | null): void
  readonly handlers: ReadonlyMap<string, AnyHandler>
  readonly metadata: MetadataStore
  readonly busyBudget: number
  readonly cleanupTimeout: number
  readonly development: boolean
  readonly clock: Clock
  uid(): string
  /** The merged metadata of a new run, normalized and validated, with its scan id taken. */
  runMetadata(open: Metadata, call: Metadata): Metadata | Promise<Metadata>
  addSuspender(suspender: Suspender): void
  removeSuspender(suspender: Suspender): void
  /** Suspensions of suspenders that are tripped now. */
  tripped(): Suspension[]
}
