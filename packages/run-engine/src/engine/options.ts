import type { Clock, Status } from "@ophyd-ts/core"
import type { ExitStatus, Metadata, Msg, Plan } from "../messages.ts"
import type { MetadataStore } from "./metadata.ts"
import type { EngineState } from "./states.ts"

/** Wraps every plan the engine runs, e.g. `baseline([...])` or a `SupplementalData`. */
export type Preprocessor = (plan: Plan<unknown>) => Plan<unknown>

/**
 * For user interfaces and tests. A hook must be quick. What the `msg` hook throws reaches the plan; what others throw is
 * reported as a problem.
 */
export interface EngineHooks {
  /** Each message, before it is carried out. */
  msg?: ((message: Msg) => void) | null
  state?: ((now: EngineState, before: EngineState) => void) | null
  /** What a plan waits for while it waits, then null. */
  waiting?: ((statuses: readonly Status<unknown>[] | null) => void) | null
  /** Errors that ended nothing: of viewers that subscribed without `strict`, and of clean-up. */
  problem?: ((error: Error) => void) | null
}

export interface RunEngineOptions {
  /** Metadata for every run: a plain object, or a store such as `fileMetadata(path)`. Default: an empty object. */
  metadata?: Metadata | MetadataStore
  preprocessors?: Preprocessor[]
  hooks?: EngineHooks
  /** May throw (or reject) to veto a run before anything is emitted. */
  validateMetadata?: (md: Readonly<Metadata>) => void | Promise<void>
  /** May rewrite a run's metadata. */
  normalizeMetadata?: (md: Metadata) => Metadata | Promise<Metadata>
  /** Next scan id from the stored metadata; default: `scan_id` + 1. */
  scanId?: (md: Readonly<Metadata>) => number | Promise<number>
  /** Seconds that each step of the clean-up may take; default 30. */
  cleanupTimeout?: number
  /** Milliseconds a plan may keep the event loop before others get a turn; default 5. */
  busyBudget?: number
  /**
   * Reports stubs that a plan called and never ran (a forgotten `yield*`) as problems of the result. Default: when the
   * environment variable `NODE_ENV` is `development`.
   */
  development?: boolean
  /** Where time comes from; default the machine's. */
  clock?: Clock
  /** Maker of unique ids; default UUID version 4. */
  uid?: () => string
}

/** How a plan ended. */
export interface RunEngineResult<T = unknown> {
  /** Uids of the runs that were opened, in order. */
  runUids: string[]
  /** What the plan returned; undefined when it did not come to its end. */
  value: T | undefined
  exitStatus: ExitStatus
  /** True when stop, abort or halt ended the plan. */
  interrupted: boolean
  reason: string
  /** What failed the plan, null otherwise. */
  error: Error | null
  /** What went wrong without failing the plan: clean-up, viewers. */
  problems: Error[]
}
