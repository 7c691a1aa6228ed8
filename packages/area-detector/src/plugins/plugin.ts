import { boolean, double, integer, SignalR as Readable, type SignalR, string } from "@ophyd-ts/core"
import { epicsBackend } from "@ophyd-ts/epics"
import type { AdDeviceOptions } from "../device/ad-device.ts"
import { CheckedBackend } from "../device/checked.ts"
import { colorMode, dataType } from "../device/labels.ts"
import { NdArrayDevice } from "../device/nd-array.ts"
import { AreaDetectorError } from "../errors.ts"

/** What can be said when a plugin is made. */
export type PluginOptions = AdDeviceOptions

/** What all plugins share: the records of NDPluginBase. */
export class NdPlugin extends NdArrayDevice {
  /** What `PluginType_RBV` begins with; a plugin of another type does not connect. */
  get expectedType(): string {
    return "ND"
  }

  readonly pluginType: SignalR<string> = this.#checkedType()
  /** Port that it takes its frames from. */
  readonly ndArrayPort = this.signal.rbv(string, "NDArrayPort", { kind: "omitted" })
  readonly ndArrayAddress = this.optional.rbv(integer, "NDArrayAddress")
  /** Off: it gets no frames. */
  readonly enableCallbacks = this.signal.rbv(boolean, "EnableCallbacks", { kind: "omitted" })
  /** On: it works in the thread of its source, which waits for it. */
  readonly blockingCallbacks = this.optional.rbv(boolean, "BlockingCallbacks")
  /** Seconds between two frames that it takes; frames between are passed over. */
  readonly minCallbackTime = this.optional.rbv(double, "MinCallbackTime")
  readonly maxArrayRate = this.optional.rbv(double, "MaxArrayRate")
  readonly queueSize = this.optional.rbv(integer, "QueueSize")
  readonly queueFree = this.optional.r(integer, "QueueFree")
  readonly queueUse = this.optional.r(integer, "QueueUse")
  /** Frames lost because the queue was full. */
  readonly droppedArrays = this.optional.rbv(integer, "DroppedArrays")
  readonly droppedOutputArrays = this.optional.rbv(integer, "DroppedOutputArrays")
  readonly numThreads = this.optional.rbv(integer, "NumThreads")
  /** Milliseconds that the last frame took. */
  readonly executionTime = this.optional.r(double, "ExecutionTime_RBV")
  readonly arraySizeX = this.optional.r(integer, "ArraySizeX_RBV")
  readonly arraySizeY = this.optional.r(integer, "ArraySizeY_RBV")
  readonly arraySizeZ = this.optional.r(integer, "ArraySizeZ_RBV")
  readonly dataType = this.optional.r(dataType, "DataType_RBV")
  readonly colorMode: SignalR<string> = this.optional.r<string>(colorMode, "ColorMode_RBV")

  #checkedType(): SignalR<string> {
    const inner = epicsBackend(string, `${this.prefix}PluginType_RBV`, this)
    const backend = new CheckedBackend(inner, found => {
      if (found.startsWith(this.expectedType)) return null
      return new AreaDetectorError(
        "WRONG_PLUGIN",
        `the plugin at ${this.prefix} is a ${found || "plugin without type"}, not a ${this.expectedType}`,
      )
    })
    return new Readable(backend, { kind: "omitted" }, this)
  }
}

/** A class of plugins. */
export type PluginClass<P extends NdPlugin = NdPlugin> = new (prefix: string, options?: PluginOptions) => P
