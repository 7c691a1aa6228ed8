import { boolean, double, int32Array, integer, type SignalR, string } from "@ophyd-ts/core"
import { AdDevice } from "./ad-device.ts"
import type { NdDataType } from "./labels.ts"

/** What gives out frames: a camera's driver, or a plugin. The records of NDArrayBase. */
export abstract class NdArrayDevice extends AdDevice {
  /** Name of its asyn port, by which plugins name their source. */
  readonly portName = this.signal.r(string, "PortName_RBV", { kind: "omitted" })
  /** Off: nothing behind it gets any frame. */
  readonly arrayCallbacks = this.signal.rbv(boolean, "ArrayCallbacks", { kind: "omitted" })
  /** Frames since it was last set. */
  readonly arrayCounter = this.signal.rbv(integer, "ArrayCounter", { kind: "omitted" })
  readonly uniqueId = this.optional.r(integer, "UniqueId_RBV")
  /** Seconds, by the camera's clock. */
  readonly timeStamp = this.optional.r(double, "TimeStamp_RBV")
  /** Frames per second. */
  readonly arrayRate = this.optional.r(double, "ArrayRate_RBV")
  /** Dimensions of the last frame; 0 before the first one. */
  readonly nDimensions = this.optional.r(integer, "NDimensions_RBV")
  /** Length of each dimension, fastest first. */
  readonly dimensions = this.optional.r(int32Array, "Dimensions_RBV")
  readonly arraySize0 = this.optional.r(integer, "ArraySize0_RBV")
  readonly arraySize1 = this.optional.r(integer, "ArraySize1_RBV")
  readonly arraySize2 = this.optional.r(integer, "ArraySize2_RBV")
  /** `lz4`, `blosc`, `jpeg`; empty for frames that are not compressed. */
  readonly codecName = this.optional.r(string, "Codec_RBV")
  readonly compressedSize = this.optional.r(integer, "CompressedSize_RBV")
  /** File on the IOC host, or XML text, that says what is noted with each frame. */
  readonly ndAttributesFile = this.optional.rw(string, "NDAttributesFile")
  readonly ndAttributesStatus = this.optional.r(string, "NDAttributesStatus")
  readonly poolMaxMem = this.optional.r(double, "PoolMaxMem")
  readonly poolUsedMem = this.optional.r(double, "PoolUsedMem")
  readonly adCoreVersion = this.optional.r(string, "ADCoreVersion_RBV")
  readonly driverVersion = this.optional.r(string, "DriverVersion_RBV")

  /** Element type of the last frame. */
  abstract readonly dataType: SignalR<NdDataType | "">
  /** What the axes of the last frame mean. */
  abstract readonly colorMode: SignalR<string>

  get anchor(): SignalR<string> {
    return this.portName
  }
}
