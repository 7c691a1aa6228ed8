/** What camera and plugins have in common: they count images, describe the last one, and pass it on. */
import type { Clock } from "@ophyd-ts/core"
import { ArrayPort } from "./array-port.ts"
import type { arrayFields } from "./fields/array.ts"
import { type Frame, sizesOf } from "./frame.ts"
import type { Parameters, ParameterTable } from "./parameters.ts"

/** Tables that begin with those of every source of images. */
export type ArrayTable = ParameterTable & ReturnType<typeof arrayFields>
type ArrayParameters = Parameters<ReturnType<typeof arrayFields>>

/** The images of one port: counter, rate, description of the last one, and the way to those who listen. */
export class ArraySource {
  readonly port: ArrayPort
  readonly #parameters: ArrayParameters
  readonly #clock: Clock
  #last: Frame | undefined
  /** Counter when the rate was shown last; undefined while nothing comes. */
  #counted: number | undefined
  #cancel: () => void = () => {}

  constructor(parameters: Parameters<ArrayTable>, clock: Clock) {
    this.#parameters = parameters as unknown as ArrayParameters
    this.#clock = clock
    this.port = new ArrayPort(this.#parameters.get("PortName"))
  }

  /** The last image. */
  get last(): Frame | undefined {
    return this.#last
  }

  /** Counts an image that is about to be passed on. Gives the number. */
  count(): number {
    if (this.#counted === undefined) this.#watchRate()
    const counter = this.#parameters.get("ArrayCounter") + 1
    this.#parameters.set("ArrayCounter", counter)
    return counter
  }

  /** Shows sizes, number and time of an image and keeps it. */
  describe(frame: Frame): void {
    this.#last = frame
    const { x, y, z } = sizesOf(frame)
    const sizes = frame.dimensions.map(dimension => dimension.size)
    const p = this.#parameters
    const known = p.get("Dimensions") as Int32Array
    p.set("NDimensions", sizes.length)
    if (known.length === 0 || sizes.some((size, i) => known[i] !== size) || known[sizes.length] !== 0) {
      p.set(
        "Dimensions",
        Int32Array.from({ length: 10 }, (_, i) => sizes[i] ?? 0),
      )
      for (let i = 0; i < 10; i++) p.set(`ArraySize${i as 0}`, sizes[i] ?? 0)
    }
    p.set("ArraySizeX", x)
    p.set("ArraySizeY", y)
    p.set("ArraySizeZ", z)
    p.set("ArraySize", frame.data.byteLength)
    p.set("CompressedSize", frame.data.byteLength)
    p.set("UniqueId", frame.uniqueId)
    p.set("TimeStamp", frame.timeStamp)
    p.set("EpicsTSSec", frame.seconds)
    p.set("EpicsTSNsec", frame.nanoseconds)
  }

  /** Passes an image on, unless ArrayCallbacks are disabled. */
  publish(frame: Frame): Promise<void> | void {
    return this.#parameters.get("ArrayCallbacks") === 0 ? undefined : this.port.publish(frame)
  }

  close(): void {
    this.#cancel()
  }

  /** ArrayRate_RBV is the difference of two counters, a second apart; 0 is shown once when nothing comes any more. */
  #watchRate(): void {
    this.#counted = this.#parameters.get("ArrayCounter")
    const look = (): void => {
      const counter = this.#parameters.get("ArrayCounter")
      const rate = Math.max(0, counter - (this.#counted ?? counter))
      this.#parameters.set("ArrayRate", rate)
      this.#counted = counter
      if (rate > 0) this.#cancel = this.#clock.after(1, look)
      else this.#counted = undefined
    }
    this.#cancel = this.#clock.after(1, look)
  }
}
