/** What the IOC and the thread that writes HDF5 files say to each other. Nothing here needs another module at run time. */
import type { FrameAttribute, PixelArray } from "../frame.ts"
import type { LayoutGroup } from "./layout.ts"

/** How a file is laid out. */
export interface FileLayout {
  /** Groups and datasets; has a place for images. */
  readonly tree: LayoutGroup
  /** Sizes of one image, the one that varies slowest first. */
  readonly shape: readonly number[]
  /** Sizes of a chunk; the first one counts images. */
  readonly chunks: readonly number[]
  /** 0 to 9; undefined for none. */
  readonly zlib?: number
  readonly attributes: readonly FrameAttribute[]
  readonly performance: boolean
  readonly swmr: boolean
}

/** An image as it is written. */
export interface StoredFrame {
  readonly data: PixelArray
  readonly uniqueId: number
  readonly timeStamp: number
  readonly seconds: number
  readonly nanoseconds: number
  readonly attributes: readonly FrameAttribute[]
}

/** What the thread is asked. */
export type Command =
  /** The library shall be there when a file is opened. */
  | { readonly kind: "prepare" }
  | { readonly kind: "open"; readonly path: string; readonly first: PixelArray; readonly layout: FileLayout }
  | { readonly kind: "write"; readonly frame: StoredFrame }
  | { readonly kind: "flush" }
  /** The disk is full: what was not flushed is lost. */
  | { readonly kind: "lose" }
  | { readonly kind: "close" }

export interface Request {
  readonly id: number
  readonly command: Command
}

/** The answer to a request: nothing, or why it could not be done. */
export interface Reply {
  readonly id: number
  readonly error?: string
}
