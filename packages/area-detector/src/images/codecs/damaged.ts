import { ImageError } from "../errors.ts"

/** Compressed bytes that are not what their codec makes. Whoever knows the frame adds which one it was. */
export function damaged(why: string, cause?: unknown): ImageError {
  return new ImageError("IMAGE_CORRUPT", why, cause === undefined ? undefined : { cause })
}
