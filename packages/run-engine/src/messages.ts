/**
 * Messages: what a plan asks the engine to do. A plan yields them, the engine sends each result back as the value of
 * the `yield`. Command names are bluesky's, so that message logs of both can be laid side by side.
 */
import type {
  Collectable,
  ConfigurationChange,
  Flyable,
  Location,
  MaybePromise,
  Movable,
  Named,
  PartialEvent,
  Preparable,
  Readable,
  Readings,
  Status,
  StreamAsset,
  Subscribable,
  Triggerable,
} from "@ophyd-ts/core"
import type { DocumentName, Subscriber } from "./documents/types.ts"
import type { Suspender } from "./suspenders/suspender.ts"

/** Shape of one command: the object it concerns, its arguments, its options, and what the `yield` gives. */
export interface MsgType<Obj, Args extends readonly unknown[], Options, Result> {
  obj: Obj
  args: Args
  kwargs: Options
  result: Result
}

/** Names a set of statuses that one `wait` waits for. */
export type Group = string | symbol

/** Tells apart runs that are open at the same time; null for the one run of most plans. */
export type RunKey = string | null

export type ExitStatus = "success" | "abort" | "fail"
export type Metadata = Record<string, unknown>

export interface Grouped {
  group?: Group | undefined
}

export interface WaitKwargs {
  group: Group
  /** Seconds; null waits for ever. */
  timeout?: number | null
  /** False: an expired wait gives false instead of throwing. */
  errorOnTimeout?: boolean
  /** Other groups: a failure there ends the wait. */
  watch?: readonly Group[]
}

/**
 * The commands the engine knows. A site adds its own by declaring them here (interface merging) and giving the engine
 * a handler with `registerCommand`:
 *
 * ```ts
 * declare module "@ophyd-ts/run-engine" {
 *   interface MsgTypes { ring_bell: MsgType<null, [times: number], object, void> }
 * }
 * ```
 */
export interface MsgTypes {
  null: MsgType<null, [], object, void>
  set: MsgType<Movable, [value: unknown], Grouped, Status<unknown>>
  trigger: MsgType<Triggerable, [], Grouped, Status<unknown>>
  prepare: MsgType<Preparable, [value: unknown], Grouped, Status<unknown>>
  wait: MsgType<null, [], WaitKwargs, boolean>
  wait_for: MsgType<
    null,
    [factories: readonly (() => PromiseLike<unknown>)[]],
    { timeout?: number | null },
    unknown[]
  >
  sleep: MsgType<null, [seconds: number], object, void>
  /** Runs a function outside of the engine's control and waits for what it returns. */
  call: MsgType<null, [fn: () => unknown], object, unknown>
  read: MsgType<Readable, [], object, Readings>
  locate: MsgType<Named, readonly Named[], { squeeze?: boolean }, Location<unknown> | Location<unknown>[]>
  stop: MsgType<Named, [], object, void>
  stage: MsgType<Named, [], Grouped, unknown>
  unstage: MsgType<Named, [], Grouped, unknown>
  configure: MsgType<Named, [values: Record<string, unknown>], object, ConfigurationChange>
  open_run: MsgType<null, [], Metadata, string>
  close_run: MsgType<null, [], { exitStatus: ExitStatus | null; reason: string | null }, string>
  /** `together`: the objects about to be read; the engine starts all their reads at once. */
  create: MsgType<null, [], { name: string; together?: readonly Readable[] }, void>
  save: MsgType<null, [], object, void>
  drop: MsgType<null, [], object, void>
  declare_stream: MsgType<null, [objs: readonly Named[]], { name: string; collect: boolean }, void>
  monitor: MsgType<Subscribable & Readable, [], { name?: string | null }, void>
  unmonitor: MsgType<Subscribable & Readable, [], object, void>
  checkpoint: MsgType<null, [], object, void>
  clear_checkpoint: MsgType<null, [], object, void>
  rewindable: MsgType<null, [allowed: boolean | null], object, boolean>
  pause: MsgType<null, [], { defer: boolean }, void>
  kickoff: MsgType<Flyable, [], Grouped, Status<unknown>>
  complete: MsgType<Flyable, [], Grouped, Status<unknown>>
  collect: MsgType<
    Collectable,
    [others: readonly Collectable[]],
    { stream: boolean; returnPayload: boolean; name: string | null },
    (PartialEvent | StreamAsset)[]
  >
  subscribe: MsgType<null, [fn: Subscriber], { name: DocumentName | "all"; strict?: boolean }, number>
  unsubscribe: MsgType<null, [token: number], object, void>
  install_suspender: MsgType<null, [suspender: Suspender], object, void>
  remove_suspender: MsgType<null, [suspender: Suspender], object, void>
  /** Ends a suspension: objects are told to go on. Sent by the engine itself. */
  _resume_from_suspender: MsgType<null, [], object, void>
}

export type Command = keyof MsgTypes

/** One message: five fields, never changed after it was made. */
export interface Message<C extends Command> {
  readonly command: C
  readonly obj: MsgTypes[C]["obj"]
  readonly args: MsgTypes[C]["args"]
  readonly kwargs: MsgTypes[C]["kwargs"]
  readonly run: RunKey
}

/** Any message, told apart by `command`. */
export type Msg<C extends Command = Command> = { [K in C]: Message<K> }[C]

export type Result<C extends Command> = MsgTypes[C]["result"]

/** A plan: a synchronous generator of messages. Its return value comes back from `RunEngine.run`. */
export type Plan<T = void> = Generator<Msg, T, unknown>

/** Makes a plan each time it is called: for what is run more than once, or only if needed. */
export type PlanFactory<T = void> = () => Plan<T>

/** A plan from a plan or from its factory. */
export const planOf = <T>(plan: Plan<T> | PlanFactory<T>): Plan<T> =>
  typeof plan === "function" ? plan() : plan

const none: readonly never[] = Object.freeze([])
const noOptions = Object.freeze({})

export function msg<C extends Command>(
  command: C,
  obj: MsgTypes[C]["obj"] = null as MsgTypes[C]["obj"],
  args: MsgTypes[C]["args"] = none as unknown as MsgTypes[C]["args"],
  kwargs: MsgTypes[C]["kwargs"] = noOptions as MsgTypes[C]["kwargs"],
  run: RunKey = null,
): Msg<C> {
  const message: Message<C> = { command, obj, args, kwargs, run }
  return message as unknown as Msg<C>
}

/** The same message for another run, or with other options. */
export function withRun(message: Msg, run: RunKey): Msg {
  const { command, obj, args, kwargs } = message
  return { command, obj, args, kwargs, run } as Msg
}

/** Yields one message and gives its result, typed. */
export function* send<C extends Command>(message: Msg<C>): Plan<Result<C>> {
  return (yield message as unknown as Msg) as Result<C>
}

let groups = 0
/** A group name that nobody else uses. */
export const uniqueGroup = (prefix: string): Group => `${prefix}-${++groups}`

export type { MaybePromise }
