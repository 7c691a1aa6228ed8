import { OphydError } from "@ophyd-ts/core"

/** Every way in which an area detector itself fails, as a stable code. */
export type AreaDetectorErrorCode =
  /** A record that this version of ADCore, or this driver, does not have was read or written. */
  | "ABSENT"
  /** The plugin at this prefix is of another type. */
  | "WRONG_PLUGIN"
  /** A plugin takes its frames from a port that is none of this detector. */
  | "WRONG_PORT"
  /** Another detector object of this process has staged the same camera. */
  | "CLAIMED"
  /** Triggered, prepared or kicked off without being staged. */
  | "NOT_STAGED"
  /** Kicked off without `prepare`, completed without `kickoff`. */
  | "NOT_PREPARED"
  /** Its trigger logic does not know this kind of trigger, or the request makes no sense. */
  | "BAD_TRIGGER_INFO"
  /** A setting was written and the camera or plugin shows another value. */
  | "NOT_ACCEPTED"
  /** What was staged is no longer so: the IOC was restarted, or somebody changed it. */
  | "SETTINGS_LOST"
  /** The camera says that it failed. */
  | "CAMERA_FAILED"
  /** The camera did not stop. */
  | "NOT_STOPPED"
  /** A directory does not exist for the IOC, or it may not write there. */
  | "BAD_PATH"
  /** A file could not be opened or written. */
  | "WRITE_FAILED"
  /** The file plugin stopped capturing by itself. */
  | "CAPTURE_ENDED"
  /** A plugin's queue was full: frames are lost. */
  | "FRAMES_DROPPED"
  /** Fewer or more frames arrived than were asked for. */
  | "WRONG_FRAME_COUNT"
  /** Somebody switched off callbacks, so that no frame reaches a plugin. */
  | "PLUGIN_DISABLED"
  /** A plugin's values are not those of the newest frame. */
  | "STALE_VALUES"
  /** The plugin has to see a frame before it can open a file. */
  | "UNPRIMED"
  /** The shape or type of the frames is not known or not supported. */
  | "UNKNOWN_SHAPE"

/** Base of the errors of cameras and plugins. The message names device, PV or path, what was wanted and what is. */
export class AreaDetectorError extends OphydError {
  declare readonly code: AreaDetectorErrorCode

  constructor(code: AreaDetectorErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options)
  }
}

/** Frames were lost because a plugin's queue was full. */
export class DroppedFramesError extends AreaDetectorError {
  /** How many frames were lost since the acquisition began. */
  readonly dropped: number

  constructor(who: string, dropped: number) {
    const frames = dropped === 1 ? "1 frame was" : `${dropped} frames were`
    super("FRAMES_DROPPED", `${who}: ${frames} dropped because its queue was full`)
    this.dropped = dropped
  }
}

/** A file could not be written: no room, no permission, no such layout. `reason` is the IOC's own text. */
export class FileWriteError extends AreaDetectorError {
  readonly file: string
  readonly reason: string

  constructor(who: string, file: string, reason: string) {
    const why = reason === "" ? "the IOC gives no reason" : reason
    super("WRITE_FAILED", `${who}: cannot write ${file === "" ? "the file" : file}: ${why}`)
    this.file = file
    this.reason = reason
  }
}

/** The camera reports an error. `reason` is its status message. */
export class CameraError extends AreaDetectorError {
  readonly state: string
  readonly reason: string

  constructor(who: string, state: string, reason: string) {
    super("CAMERA_FAILED", `${who}: the camera is in state ${state}${reason === "" ? "" : `: ${reason}`}`)
    this.state = state
    this.reason = reason
  }
}

/** A directory that the IOC cannot use. */
export class PathError extends AreaDetectorError {
  readonly path: string

  constructor(who: string, path: string, why: string) {
    super("BAD_PATH", `${who}: ${path}: ${why}`)
    this.path = path
  }
}
