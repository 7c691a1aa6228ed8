/**
 * What an object must be able to do so that a plan can use it. The engine checks these shapes when it meets an object
 * and names the missing member: nothing has to inherit from a class of ours.
 */
import type { DataKeys, Hints, Reading, Readings } from "./reading.ts"
import type { Status } from "./status/status.ts"

export type MaybePromise<T> = T | Promise<T>

/** An object with a name; children know their parent. */
export interface Named {
  readonly name: string
  readonly parent?: Named | null
}

export interface Readable extends Named {
  read(): MaybePromise<Readings>
  describe(): MaybePromise<DataKeys>
}

export interface Configurable extends Named {
  readConfiguration(): MaybePromise<Readings>
  describeConfiguration(): MaybePromise<DataKeys>
}

export interface SetOptions {
  /** Seconds until the status fails with `StatusTimeoutError`; default is the object's own, `Infinity` for none. */
  timeout?: number | undefined
  /** Aborting it cancels the set: the action's own clean-up runs and the status fails with the reason. */
  signal?: AbortSignal | undefined
}

export interface Movable<T = unknown> extends Named {
  set(value: T, options?: SetOptions): Status<unknown>
}

export interface Location<T> {
  setpoint: T
  readback: T
}

export interface Locatable<T = unknown> extends Movable<T> {
  locate(): MaybePromise<Location<T>>
}

export interface Triggerable extends Named {
  trigger(): Status<unknown>
}

/** `stage` prepares for a scan, `unstage` undoes it. Both give the devices concerned. */
export interface Stageable extends Named {
  stage(): Status<unknown> | MaybePromise<unknown>
  unstage(): Status<unknown> | MaybePromise<unknown>
}

export interface Stoppable extends Named {
  stop(options?: { success?: boolean }): MaybePromise<void>
}

/** Ends a subscription; calling it twice is harmless. */
export interface Subscription extends Disposable {
  unsubscribe(): void
}

export interface Subscribable<T = unknown> extends Named {
  /** Calls back with the present reading at once (when there is one), then with every change. */
  subscribeReadings(fn: (readings: Record<string, Reading<T>>) => void): Subscription
}

export interface Checkable<T = unknown> extends Named {
  /** Throws (or rejects) when the value would be refused; never writes. */
  checkValue(value: T): MaybePromise<void>
}

export interface HasHints extends Named {
  readonly hints: Hints
}

export interface Pausable extends Named {
  /** May throw `NoReplayAllowed` to forbid rewinding. */
  pause(): MaybePromise<void>
  resume(): MaybePromise<void>
}

export interface Preparable<T = unknown> extends Named {
  prepare(value: T): Status<unknown>
}

export interface ConfigurationChange {
  old: Readings
  new: Readings
}

export interface Settable extends Configurable {
  /** Sets config members by name; gives the configuration before and after. */
  configure(values: Record<string, unknown>): MaybePromise<ConfigurationChange>
}

export interface Flyable extends Named {
  kickoff(): Status<unknown>
  complete(): Status<unknown>
}

/** A point that a flyer took by itself. */
export interface PartialEvent {
  time: number
  data: Record<string, unknown>
  timestamps: Record<string, number>
  filled?: Record<string, boolean | string>
}

export interface Collectable extends Named {
  describeCollect(): MaybePromise<DataKeys | Record<string, DataKeys>>
}

export interface EventCollectable extends Collectable {
  collect(): Iterable<PartialEvent> | AsyncIterable<PartialEvent>
}

export interface StreamAsset {
  kind: "stream_resource" | "stream_datum"
  doc: Record<string, unknown>
}

export interface WritesStreamAssets extends Named {
  /** Assets up to `index` events; all that exist when it is omitted. */
  collectAssetDocs(index?: number): Iterable<StreamAsset> | AsyncIterable<StreamAsset>
  getIndex(): MaybePromise<number>
}
