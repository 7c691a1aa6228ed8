import type { TypedArray } from "@ophyd-ts/core"
import type { ClientOf } from "@ophyd-ts/epics"
import { type ColorMode, colorModes, type TimeStamp } from "pvxs-node"
import { ImageError } from "../errors.ts"
import { elements, Frame } from "../frame.ts"
import { bytesOf, type PixelType, pixelTypeNames, pixelTypeOf } from "../pixel-type.ts"

type CaClient = ClientOf["ca"]

/** A value of Channel Access with its time. */
export type CaReading = NonNullable<ReturnType<CaClient["monitor"]>["latest"]>

/** What the other PVs of the plugin say of the pixels. */
export interface ArrayDescription {
  /** Row-major; empty before the first frame. */
  readonly shape: readonly number[]
  readonly uniqueId: number
  /** Frames that the plugin has handled. */
  readonly arrayCounter: number
  readonly colorMode: ColorMode
  /** Type of the pixels at the detector. */
  readonly dataType: PixelType
  readonly time: number
}

const records = [
  "UniqueId",
  "ArrayCounter",
  "NDimensions",
  "Dimensions",
  "ColorMode",
  "DataType",
  "TimeStamp",
]

/** Seconds between two looks at a description that is out of step. */
export const pause = 0.005

/** Seconds from 1970 to 1990, where areaDetector's time begins. */
const epicsEpoch = 631_152_000

/** Whether pixels and description can belong together. */
export const isSettled = (data: TypedArray, { shape }: ArrayDescription): boolean =>
  elements(shape) === data.length

/** Asks a StdArrays plugin for the description of its pixels, and joins the two. */
export class ArrayDescriber {
  readonly #client: CaClient
  readonly #names: readonly string[]
  readonly #source: string

  constructor(client: CaClient, prefix: string, source: string) {
    this.#client = client
    this.#names = records.map(record => `${prefix}${record}_RBV`)
    this.#source = source
  }

  /** `timeout` is in seconds; default that of the client. */
  async describe(timeout?: number): Promise<ArrayDescription> {
    const readings = await this.#client.get(this.#names, timeout === undefined ? {} : { timeout })
    const [uniqueId, arrayCounter, count, dimensions, colorMode, dataType, time] = readings.map(r => r.value)
    const sizes = typeof dimensions === "number" ? [dimensions] : Array.from(dimensions as Int32Array)
    return {
      shape: sizes.slice(0, Number(count)).reverse(),
      uniqueId: Number(uniqueId),
      arrayCounter: Number(arrayCounter),
      colorMode: colorModes[Number(colorMode)] ?? "Mono",
      dataType: pixelTypeNames[Number(dataType)] ?? "float64",
      time: Number(time),
    }
  }

  /** Throws ImageError IMAGE_SIZE where the two do not belong together. */
  frame(reading: CaReading, description: ArrayDescription): Frame {
    const { shape, uniqueId, colorMode, dataType, time } = description
    const sent = reading.value as TypedArray
    if (!isSettled(sent, description)) {
      throw new ImageError(
        "IMAGE_SIZE",
        `${this.#source}: frame ${uniqueId} has ${sent.length} pixels, its dimensions ${shape.join(" × ")} say ${elements(shape)}: are they out of step, or is the waveform too short?`,
      )
    }
    const data = restore(sent, dataType)
    const { seconds: secondsPastEpoch, nanoseconds } = reading
    const timeStamp = { secondsPastEpoch, nanoseconds, userTag: 0 }
    return new Frame({
      source: this.#source,
      data,
      dtype: pixelTypeOf(data),
      shape,
      colorMode,
      uniqueId,
      dataTimeStamp: time > 0 ? toTimeStamp(time + epicsEpoch) : timeStamp,
      timeStamp,
      attributes: new Map(),
      dimensions: [],
      codec: "",
      compressedSize: data.byteLength,
      uncompressedSize: data.byteLength,
    })
  }
}

/** The pixels in their own type, where Channel Access had to send a larger one, or has no signs. */
function restore(sent: TypedArray, dataType: PixelType): TypedArray {
  if (dataType === "int8" && sent instanceof Uint8Array) {
    const { buffer, byteOffset, length } = bytesOf(sent)
    return new Int8Array(buffer as ArrayBuffer, byteOffset, length)
  }
  if (dataType === "uint16" && sent instanceof Int32Array) return Uint16Array.from(sent)
  if (dataType === "uint32" && sent instanceof Float64Array) return Uint32Array.from(sent)
  return sent
}

function toTimeStamp(time: number): TimeStamp {
  const secondsPastEpoch = Math.floor(time)
  return { secondsPastEpoch, nanoseconds: Math.round((time - secondsPastEpoch) * 1e9), userTag: 0 }
}

/** What the work gives, unless the caller has enough of it before. */
export function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined, source: string): Promise<T> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      const message = `${source}: waiting for a frame: aborted`
      reject(new ImageError("IMAGE_ABORTED", message, { cause: signal.reason }))
    }
    if (signal.aborted) abort()
    signal.addEventListener("abort", abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort))
  })
}

const codeOf = (error: unknown): unknown =>
  typeof error === "object" && error !== null && "code" in error ? error.code : undefined

/** True for failures that end when the server is back. */
export const isTemporary = (error: unknown): boolean => {
  const errors = (error as { errors?: unknown }).errors
  const first = Array.isArray(errors) ? errors[0] : error
  return ["TIMEOUT", "DISCONNECTED", "NOT_FOUND"].includes(String(codeOf(first)))
}

/** An error of Channel Access as one of images. */
export function netError(source: string, action: string, cause: unknown): ImageError {
  const errors = (cause as { errors?: unknown }).errors
  const code = codeOf(Array.isArray(errors) ? errors[0] : cause)
  const why = cause instanceof Error ? cause.message : String(cause)
  const ours = code === "TIMEOUT" || code === "NOT_FOUND" ? "IMAGE_TIMEOUT" : "IMAGE_NET"
  return new ImageError(ours, `${source}: ${action}: ${why}`, { cause })
}
