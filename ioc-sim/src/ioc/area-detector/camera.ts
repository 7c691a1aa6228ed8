/** The driver: takes images one after another while it acquires, as the simulation driver of areaDetector does. */
import type { Clock } from "@ophyd-ts/core"
import type { SimRecord } from "../records/record.ts"
import type { ArrayPort } from "./array-port.ts"
import { ArraySource } from "./array-source.ts"
import {
  type AttributeDefinition,
  type AttributeSources,
  AttributesError,
  attributesStatus,
  evaluate,
  readDefinitions,
} from "./attributes.ts"
import type { DetectorFaults } from "./faults.ts"
import {
  cameraColorModes,
  cameraFields,
  type DetectorState,
  detectorStates,
  type Region,
} from "./fields/camera.ts"
import {
  axesOf,
  type ColorMode,
  colorModes,
  type Dimension,
  dataTypes,
  epicsEpoch,
  type Frame,
  type FrameAttribute,
  type FrameOrigin,
} from "./frame.ts"
import type { Exposure, ImageSource } from "./image/image.ts"
import { type DriverParameter, driverParameters } from "./parameter-names.ts"
import { Parameters } from "./parameters.ts"

const [single, multiple, continuous] = [0, 1, 2]

export type CameraParameters = Parameters<ReturnType<typeof cameraFields>>

/** What a camera is made of. */
export interface CameraParts {
  /** Of the PV names, such as `sim:ad:cam1:`. */
  readonly prefix: string
  readonly clock: Clock
  readonly region: Region
  readonly image: ImageSource
  /** What is known about the beamline when an image is taken and nobody has said otherwise. */
  readonly attributes: () => readonly FrameAttribute[]
  /** The value of any PV of the IOC. */
  readonly pv: (name: string) => number | string | undefined
  readonly faults: DetectorFaults
}

export class Camera implements FrameOrigin {
  readonly parameters: CameraParameters
  readonly #parts: CameraParts
  readonly #source: ArraySource
  /** Images that plugins have not handled yet. */
  #queued = 0
  #acquiring = false
  /** What images carry; undefined while no file says it. */
  #definitions: readonly AttributeDefinition[] | undefined
  /** Puts of Acquire that wait for AcquireBusy. */
  #waiting: (() => void)[] = []
  #cancel: () => void = () => {}

  constructor(parts: CameraParts) {
    const { prefix, clock, region } = parts
    this.#parts = parts
    this.parameters = new Parameters(prefix, clock, cameraFields(region))
    this.#source = new ArraySource(this.parameters, clock)
    this.parameters.onWrite({
      Acquire: value => (value === 0 ? this.#stop() : this.#start()),
      ReadStatus: () => this.#say("Status read"),
      NDAttributesFile: () => this.#readDefinitions(),
      NDAttributesMacros: () => this.#readDefinitions(),
      ShutterControl: open => this.parameters.set("ShutterStatus", open),
    })
  }

  get port(): ArrayPort {
    return this.#source.port
  }

  get records(): readonly SimRecord[] {
    return this.parameters.records
  }

  queued(): void {
    this.#queued++
    this.parameters.set("NumQueuedArrays", this.#queued)
  }

  handled(): void {
    this.#queued--
    this.parameters.set("NumQueuedArrays", this.#queued)
    if (this.#queued === 0) this.#release()
  }

  close(): void {
    this.#cancel()
    this.#acquiring = false
    this.#source.close()
    this.parameters.close()
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /**
   * A put with completion ends when AcquireBusy does. One during an acquisition ends at once: it begins nothing, and
   * what it would have to wait for, the busy record, belongs to the first.
   */
  #start(): Promise<void> | void {
    const p = this.parameters
    if (this.#acquiring) return
    this.#acquiring = true
    p.post({ AcquireBusy: 1, AcquireBusyCB: 1, NumImagesCounter: 0, NumExposuresCounter: 0 })
    this.#say("Acquiring data")
    this.#expose(this.#parts.clock.now())
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  /** Somebody ends the acquisition: the exposure under way gives no image. */
  #stop(): void {
    if (!this.#acquiring) return
    this.#say("Acquisition stopped")
    this.#finish(this.parameters.get("ImageMode") === continuous ? "Idle" : "Aborted")
  }

  #say(message: string): void {
    this.parameters.set("StatusMessage", message)
  }

  #enter(state: DetectorState): void {
    this.parameters.set("DetectorState", detectorStates.indexOf(state))
  }

  #finish(state: DetectorState): void {
    this.#cancel()
    this.#acquiring = false
    const p = this.parameters
    p.post({ TimeRemaining: 0, ShutterStatus: 0 })
    this.#enter(state)
    p.reset("Acquire", 0)
    if (this.#queued === 0 || p.get("WaitForPlugins") === 0) this.#release()
  }

  /** AcquireBusy ends with the acquisition or, when it has to wait for plugins, with the last image in their queues. */
  #release(): void {
    if (this.#acquiring) return
    this.parameters.post({ AcquireBusyCB: 0, AcquireBusy: 0 })
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** @param due when the exposure should have begun: periods do not drift when a timer is late. */
  #expose(due: number): void {
    const { clock, faults } = this.#parts
    const p = this.parameters
    const [seconds, begun] = [p.get("AcquireTime"), clock.time()]
    this.#enter("Acquire")
    p.post({ ShutterStatus: 1, TimeRemaining: seconds })
    this.#cancel = clock.after(due + seconds - clock.now(), () => {
      const failure = faults.takeError()
      if (failure !== undefined) {
        this.#say(failure)
        return this.#finish("Error")
      }
      p.post({ TimeRemaining: 0, ShutterStatus: 0 })
      this.#enter("Readout")
      const outcome = this.#readOut({ seconds, begun })
      if (outcome instanceof Promise) void outcome.then(() => this.#next(due))
      else this.#next(due)
    })
  }

  /** Takes the image and hands it to the plugins; waits for the blocking ones. */
  #readOut({ seconds, begun }: { readonly seconds: number; readonly begun: number }): Promise<void> | void {
    const p = this.parameters
    const exposure = this.#exposure(seconds)
    const data = this.#parts.image.take(exposure, p)
    const uniqueId = this.#source.count()
    p.set("NumExposuresCounter", p.get("NumExposures"))
    p.set("NumImagesCounter", p.get("NumImagesCounter") + 1)
    const since1990 = begun - epicsEpoch
    const whole = Math.floor(since1990)
    const frame: Frame = {
      data,
      dataType: exposure.dataType,
      colorMode: exposure.colorMode,
      dimensions: dimensionsOf(exposure),
      uniqueId,
      timeStamp: since1990,
      seconds: whole,
      nanoseconds: Math.min(999_999_999, Math.round((since1990 - whole) * 1e9)),
      attributes: this.#attributes(),
      origin: this,
    }
    this.#source.describe(frame)
    return this.#source.publish(frame)
  }

  #readDefinitions(): void {
    const p = this.parameters
    const file = p.get("NDAttributesFile")
    try {
      this.#definitions = file === "" ? undefined : readDefinitions(file, p.get("NDAttributesMacros"))
      p.set("NDAttributesStatus", attributesStatus.ok)
    } catch (error) {
      if (!(error instanceof AttributesError)) throw error
      this.#definitions = []
      p.set("NDAttributesStatus", error.status)
    }
  }

  #attributes(): FrameAttribute[] {
    const p = this.parameters
    const mode = cameraColorModes[p.get("ColorMode")] ?? "Mono"
    const color = { name: "ColorMode", description: "Color mode", source: "Driver", from: "Driver" } as const
    const sources: AttributeSources = {
      pv: this.#parts.pv,
      parameter: name => {
        const known = driverParameters[name as DriverParameter]
        return known === undefined ? undefined : p.get(known)
      },
    }
    return [
      { ...color, type: "int", value: colorModes.indexOf(mode) },
      ...(this.#definitions?.map(each => evaluate(each, sources)) ?? this.#parts.attributes()),
    ]
  }

  #next(due: number): void {
    if (!this.#acquiring) return
    const { clock } = this.#parts
    const p = this.parameters
    const mode = p.get("ImageMode")
    if (mode === single || (mode === multiple && p.get("NumImagesCounter") >= p.get("NumImages"))) {
      this.#say("Waiting for acquisition")
      this.#finish("Idle")
      return
    }
    const period = Math.max(p.get("AcquirePeriod"), p.get("AcquireTime"))
    const next = due + period
    const late = clock.now() - next
    // One that lags more than a period behind has lost its rhythm, and begins a new one.
    const begin = late > period ? clock.now() : next
    if (late >= 0) this.#expose(begin)
    else {
      this.#enter("Waiting")
      this.#cancel = clock.after(-late, () => this.#expose(begin))
    }
  }

  /** What is read out: settings that do not fit the sensor are corrected, and the read-backs say so. */
  #exposure(seconds: number): Exposure {
    const p = this.parameters
    const along = (axis: "X" | "Y") => {
      const full = p.get(`MaxSize${axis}`)
      const offset = Math.min(Math.max(0, p.get(`Min${axis}`)), full - 1)
      const size = Math.min(Math.max(1, p.get(`Size${axis}`)), full - offset)
      const binning = Math.min(Math.max(1, p.get(`Bin${axis}`)), size)
      p.set(`Min${axis}`, offset)
      p.set(`Size${axis}`, size)
      p.set(`Bin${axis}`, binning)
      const reverse = p.get(`Reverse${axis}`) === 1
      return { offset, binning, reverse, fullSize: full, size: Math.floor(size / binning) }
    }
    return {
      seconds,
      x: along("X"),
      y: along("Y"),
      dataType: dataTypes[p.get("DataType")] ?? "UInt16",
      colorMode: cameraColorModes[p.get("ColorMode")] ?? "Mono",
    }
  }
}

const colors: Dimension = { size: 3, offset: 0, binning: 1, reverse: false, fullSize: 3 }

function dimensionsOf({
  x,
  y,
  colorMode,
}: {
  x: Dimension
  y: Dimension
  colorMode: ColorMode
}): Dimension[] {
  const axes = axesOf(colorMode)
  const result: Dimension[] = []
  result[axes.x] = x
  result[axes.y] = y
  if (axes.color !== undefined) result[axes.color] = colors
  return result
}
