import { OphydError } from "@ophyd-ts/core"

/** Every way in which an image cannot be had, as a stable code. Errors of the protocol arrive as their `cause`. */
export type ImageErrorCode =
  /** What the PV holds is no image, or one with pixels of an unknown type. */
  | "IMAGE_TYPE"
  /** The sizes that came with the image contradict each other. */
  | "IMAGE_SIZE"
  /** A codec, or a colour mode, that is not known here. */
  | "IMAGE_CODEC"
  /** The compressed bytes cannot be decoded. */
  | "IMAGE_CORRUPT"
  /** Larger than the limit that the caller set. */
  | "IMAGE_LIMIT"
  /** The PV has not held an image yet. */
  | "IMAGE_NONE"
  /** No image came in time. */
  | "IMAGE_TIMEOUT"
  /** The caller aborted. */
  | "IMAGE_ABORTED"
  /** The server refused, is gone, or has ended the subscription. */
  | "IMAGE_NET"
  /** Images of a series were lost on the way. */
  | "IMAGE_LOST"
  /** Something of the caller's does not fit: limits, a name, an option. */
  | "IMAGE_INPUT"

/** Base of the errors of images. */
export class ImageError extends OphydError {
  declare readonly code: ImageErrorCode

  constructor(code: ImageErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options)
  }
}
