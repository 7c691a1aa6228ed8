import { boolean, double, integer, type SignalRW, string } from "@ophyd-ts/core"
import { colorMode, dataType, imageMode } from "./labels.ts"
import { NdArrayDevice } from "./nd-array.ts"

/**
 * A camera's driver: the records of ADBase. A camera with records of its own adds them as fields, and declares again those
 * whose labels it changes:
 *
 * ```ts
 * class AcmeDriver extends AdDriver {
 *   override readonly triggerMode = this.signal.rbv(choice("Free run", "Line 1"), "TriggerMode", { kind: "config" })
 *   readonly readoutSpeed = this.signal.rbv(choice("Slow", "Fast"), "ReadoutSpeed", { kind: "config" })
 * }
 * ```
 */
export class AdDriver extends NdArrayDevice {
  /** True starts an acquisition and is done when that has ended; with `waitForPlugins` when the plugins have too. */
  readonly acquire = this.signal.rbv(boolean, "Acquire", { kind: "omitted", completion: value => value })
  /** Ends an acquisition; needs no completion, because it is what another completion waits for. */
  readonly stopAcquire = this.signal.x(boolean, "Acquire", false, {
    kind: "omitted",
    completion: false,
    whenBusy: "queue",
  })
  /** True until the acquisition has ended; with `waitForPlugins` until the plugins have handled all its frames. */
  readonly acquireBusy = this.optional.r(boolean, "AcquireBusy")
  readonly waitForPlugins = this.optional.rw(boolean, "WaitForPlugins")
  readonly numQueuedArrays = this.optional.r(integer, "NumQueuedArrays")
  readonly detectorState = this.signal.r(string, "DetectorState_RBV", { kind: "omitted" })
  /** What the camera says about its state. */
  readonly statusMessage = this.optional.r(string, "StatusMessage_RBV")
  /** Seconds. */
  readonly timeRemaining = this.optional.r(double, "TimeRemaining_RBV")

  /** Exposure time in seconds. */
  readonly acquireTime = this.signal.rbv(double, "AcquireTime", { kind: "config" })
  /** Seconds from the beginning of one exposure to that of the next. */
  readonly acquirePeriod = this.optional.rbv(double, "AcquirePeriod", { kind: "config" })
  readonly imageMode: SignalRW<string> = this.signal.rbv<string>(imageMode, "ImageMode", { kind: "config" })
  /** Drivers have labels of their own: declare it again with them. */
  readonly triggerMode: SignalRW<string> = this.optional.rbv<string>(string, "TriggerMode", {
    kind: "config",
  })
  /** Frames of an acquisition in mode Multiple. */
  readonly numImages = this.signal.rbv(integer, "NumImages", { kind: "config" })
  /** Exposures that the camera adds up to one frame. */
  readonly numExposures = this.optional.rbv(integer, "NumExposures", { kind: "config" })
  readonly numImagesCounter = this.optional.r(integer, "NumImagesCounter_RBV")
  readonly numExposuresCounter = this.optional.r(integer, "NumExposuresCounter_RBV")

  /** Left and upper edge of the part that is read out, in pixels of the sensor. */
  readonly minX = this.optional.rbv(integer, "MinX", { kind: "config" })
  readonly minY = this.optional.rbv(integer, "MinY", { kind: "config" })
  /** Size of that part, in pixels of the sensor. */
  readonly sizeX = this.optional.rbv(integer, "SizeX", { kind: "config" })
  readonly sizeY = this.optional.rbv(integer, "SizeY", { kind: "config" })
  readonly binX = this.optional.rbv(integer, "BinX", { kind: "config" })
  readonly binY = this.optional.rbv(integer, "BinY", { kind: "config" })
  readonly reverseX = this.optional.rbv(boolean, "ReverseX")
  readonly reverseY = this.optional.rbv(boolean, "ReverseY")
  readonly maxSizeX = this.optional.r(integer, "MaxSizeX_RBV")
  readonly maxSizeY = this.optional.r(integer, "MaxSizeY_RBV")
  /** Size of the frames it gives out. */
  readonly arraySizeX = this.optional.r(integer, "ArraySizeX_RBV")
  readonly arraySizeY = this.optional.r(integer, "ArraySizeY_RBV")
  readonly arraySizeZ = this.optional.r(integer, "ArraySizeZ_RBV")
  /** Bytes of a frame. */
  readonly arraySize = this.optional.r(integer, "ArraySize_RBV")
  readonly gain = this.optional.rbv(double, "Gain", { kind: "config" })
  readonly dataType = this.optional.rbv(dataType, "DataType", { kind: "config" })
  readonly colorMode: SignalRW<string> = this.optional.rbv<string>(colorMode, "ColorMode")
  readonly frameType = this.optional.rbv(string, "FrameType")
  readonly temperature = this.optional.rbv(double, "Temperature")
  readonly temperatureActual = this.optional.r(double, "TemperatureActual")
  readonly shutterMode = this.optional.rbv(string, "ShutterMode")

  readonly manufacturer = this.optional.r(string, "Manufacturer_RBV", { kind: "config" })
  readonly model = this.optional.r(string, "Model_RBV", { kind: "config" })
  readonly serialNumber = this.optional.r(string, "SerialNumber_RBV")
  readonly firmwareVersion = this.optional.r(string, "FirmwareVersion_RBV")
  readonly sdkVersion = this.optional.r(string, "SDKVersion_RBV")
}
