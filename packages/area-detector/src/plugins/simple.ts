/** Plugins with few records of their own. */
import { integer, type SignalR, type SignalRW, string } from "@ophyd-ts/core"
import { NdPlugin } from "./plugin.ts"

/** Turns and mirrors frames (NDPluginTransform). */
export class TransformPlugin extends NdPlugin {
  override get expectedType(): string {
    return "NDPluginTransform"
  }

  /** None, Rot90, Rot180, Rot270, Mirror, Rot90Mirror, Rot180Mirror, Rot270Mirror. */
  readonly transform: SignalRW<string> = this.signal.rw(string, "Type", { kind: "config" })
}

/**
 * Serves the newest frame as a flat waveform (NDPluginStdArrays). Its type and length are fixed when the IOC starts, so the
 * waveform itself is no signal here: the image sources of this package read it, with the sizes.
 */
export class StdArraysPlugin extends NdPlugin {
  override get expectedType(): string {
    return "NDPluginStdArrays"
  }
}

/** Serves frames over pvAccess, with shape, type and number (NDPluginPva). */
export class PvaPlugin extends NdPlugin {
  override get expectedType(): string {
    return "NDPluginPva"
  }

  /** Name of the PV that has the frames. */
  readonly pvName: SignalR<string> = this.signal.r(string, "PvName_RBV", { kind: "omitted" })
}

/** Compresses frames or undoes it (NDPluginCodec). */
export class CodecPlugin extends NdPlugin {
  override get expectedType(): string {
    return "NDPluginCodec"
  }

  /** Compress or Decompress. */
  readonly mode: SignalRW<string> = this.signal.rbv(string, "Mode", { kind: "config" })
  readonly compressor: SignalRW<string> = this.signal.rbv(string, "Compressor", { kind: "config" })
  readonly codecStatus: SignalR<string> = this.optional.r(string, "CodecStatus")
  readonly codecError: SignalR<string> = this.optional.r(string, "CodecError")
  readonly jpegQuality: SignalRW<number> = this.optional.rbv(integer, "JPEGQuality")
}
