import type { DataKeys, MaybePromise, Status, StreamAsset } from "@ophyd-ts/core"
import type { Settings } from "./settings.ts"
import type { FullTriggerInfo, TriggerInfo } from "./trigger-info.ts"

/** What a trigger logic is asked for. */
export interface TriggerRequest {
  /** Frames in all; 0: until stopped. */
  readonly frames: number
  /** Seconds; 0: what is set. */
  readonly livetime: number
  /** Seconds; 0: the least that the camera can do. */
  readonly deadtime: number
}

/**
 * How a camera is told what to wait for. Each kind of trigger that it knows is one function, which writes what is needed through the
 * settings, so that it is verified and put back at the end; a kind without a function is refused before anything is
 * written.
 */
export interface TriggerLogic {
  internal?(request: TriggerRequest, settings: Settings): Promise<void>
  externalEdge?(request: TriggerRequest, settings: Settings): Promise<void>
  externalLevel?(request: TriggerRequest, settings: Settings): Promise<void>
  /** Adds up so many exposures to one frame. */
  exposures?(exposures: number, settings: Settings): Promise<void>
  /** Seconds between two exposures that the camera needs. */
  deadtime?(): MaybePromise<number>
  /** What a step scan without `prepare` takes; default one frame by internal trigger. */
  defaultTrigger?(): MaybePromise<TriggerInfo>
}

/** How a camera is started and stopped. */
export interface ArmLogic {
  /** Starts. The status is done when the acquisition has ended and the plugins have handled all its frames. */
  start(): Status<void>
  /** Waits until the camera takes frames, or waits for its trigger. */
  started(acquisition: Status<void>): Promise<void>
  /** Stops what runs, and returns when it has stopped. */
  ensureStopped(): Promise<void>
  /** Throws `CameraError` when the camera is in an error state. */
  check(): Promise<void>
  /** Seconds that so many exposures take by what is set, without any extra. */
  duration(exposures: number): MaybePromise<number>
}

/** What a data logic knows of its detector. */
export interface DataContext {
  readonly detector: string
  readonly settings: Settings
}

export interface AcquisitionStart {
  /** The acquisition before it ended well. */
  readonly clean: boolean
  /** Its frames may be announced before it has ended. */
  readonly flying: boolean
}

/** One place that frames go to: a file, or values to be read. */
export interface DataLogic {
  /** Prepares for a run, before anything moves. */
  open(context: DataContext): Promise<void>
  /** What the next acquisitions are going to be. */
  prepare?(info: FullTriggerInfo): void
  /** Before each acquisition. */
  begin?(info: FullTriggerInfo, about: AcquisitionStart): MaybePromise<void>
  /**
   * After an acquisition: throws when some of its frames are lost, or could not be written. Frames of a flight without end
   * have no number: null. When it has to wait for frames it first waits for `healthy`, which rejects when the camera
   * failed, and gives true in the end, because values that were read before may be old.
   */
  finish(frames: number | null, healthy: Promise<void>): Promise<boolean>
  /** The acquisition was stopped: what `finish` still waits for is wanted no more, and belongs to no event. */
  breakOff?(): void
  /** Events whose frames have been written since `open`. */
  index?(): MaybePromise<number>
  /** Data keys of what is written elsewhere. */
  describe?(): Promise<DataKeys>
  /** What is new up to this number of events. */
  assets?(upTo: number): AsyncIterable<StreamAsset>
  /** The frames of the acquisition so far, for progress. */
  progress?(listener: (frames: number) => void): () => void
  /** Calls once as soon as it is known that frames are lost or cannot be written; the function it gives ends that. */
  guard?(failed: (thrown: unknown) => void): () => void
  /** Ends it; the file is closed when it returns. Harmless when nothing is open. */
  close(): Promise<void>
}
