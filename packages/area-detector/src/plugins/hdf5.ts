import { boolean, choice, double, integer, string, type ValueOf } from "@ophyd-ts/core"
import { FilePlugin } from "./file.ts"

/** Compressions that some version of the plugin has. */
const compressions = choice.superset("None", "N-bit", "szip", "zlib", "Blosc", "BSLZ4", "LZ4", "JPEG")

export type Hdf5Compression = ValueOf<typeof compressions>

/** Writes HDF5 files (NDFileHDF5). */
export class Hdf5Plugin extends FilePlugin {
  override get expectedType(): string {
    return "NDFileHDF5"
  }

  /** Readers may open the file while it is written. */
  readonly swmrMode = this.optional.rbv(boolean, "SWMRMode")
  readonly swmrActive = this.optional.r(boolean, "SWMRActive_RBV")
  /** True makes what was written so far visible to readers. */
  readonly flushNow = this.optional.rw(boolean, "FlushNow")
  /** So many frames between two flushes; 0 leaves it to the library. */
  readonly numFramesFlush = this.optional.rbv(integer, "NumFramesFlush")
  /** On: one frame is one chunk, unless `numFramesChunks` says more. */
  readonly chunkSizeAuto = this.optional.rbv(boolean, "ChunkSizeAuto")
  readonly numFramesChunks = this.optional.rbv(integer, "NumFramesChunks")
  readonly numRowChunks = this.optional.rbv(integer, "NumRowChunks")
  /** Values of an attribute in one chunk; 0 leaves it to the plugin. */
  readonly attributeChunk = this.optional.rbv(integer, "NDAttributeChunk")
  readonly numColChunks = this.optional.rbv(integer, "NumColChunks")
  readonly compression = this.optional.rbv(compressions, "Compression", { kind: "config" })
  readonly zLevel = this.optional.rbv(integer, "ZLevel")
  readonly numExtraDims = this.optional.rbv(integer, "NumExtraDims")
  readonly positionMode = this.optional.rbv(boolean, "PositionMode")
  /** Layout file on the IOC host, or XML text; empty for the default layout with images at `/entry/data/data`. */
  readonly xmlFileName = this.optional.rw(string, "XMLFileName")
  readonly xmlValid = this.optional.r(boolean, "XMLValid_RBV")
  readonly xmlErrorMessage = this.optional.r(string, "XMLErrorMsg_RBV")
  readonly storeAttributes = this.optional.rbv(boolean, "StoreAttr")
  readonly storePerformance = this.optional.rbv(boolean, "StorePerform")
  readonly fillValue = this.optional.rbv(double, "FillValue")
}
