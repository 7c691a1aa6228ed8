/** The simulated area detector `ad:`: a camera, and plugins that listen to it. */
import type { Clock } from "@ophyd-ts/core"
import type { Noise } from "../physics/random.ts"
import type { ElementType } from "../records/field.ts"
import type { SimRecord } from "../records/record.ts"
import type { ArrayPort } from "./array-port.ts"
import { Camera } from "./camera.ts"
import { type DetectorFault, DetectorFaults, type PluginName } from "./faults.ts"
import type { FrameAttribute } from "./frame.ts"
import { ImageSource, type Light } from "./image/image.ts"
import { Hdf5Plugin } from "./plugins/hdf5.ts"
import type { Plugin, PluginParts } from "./plugins/plugin.ts"
import { PvaPlugin } from "./plugins/pva.ts"
import { RoiPlugin } from "./plugins/roi.ts"
import { StatsPlugin } from "./plugins/stats.ts"
import { StdArraysPlugin } from "./plugins/std-arrays.ts"
import { TiffPlugin } from "./plugins/tiff.ts"

/** How the detector is made. Everything has a default. */
export interface AreaDetectorOptions {
  /** Columns and rows of the sensor. Default 1024 × 1024. */
  readonly sensor?: readonly [columns: number, rows: number]
  /** Columns and rows that are read out at first, from the sensor's corner on. Default 256 × 256, or the sensor's. */
  readonly size?: readonly [columns: number, rows: number]
  /**
   * Type of the elements of `image1:ArrayData` (FTVL), fixed like its room: one colour image of the whole sensor.
   * Default USHORT.
   */
  readonly elements?: ElementType
}

export interface AreaDetectorParts extends AreaDetectorOptions {
  /** Of the PV names, such as `sim:ad:`. */
  readonly prefix: string
  readonly clock: Clock
  readonly noise: Noise
  readonly light: () => Light
  /** What images carry when no file says it. */
  readonly attributes: () => readonly FrameAttribute[]
  /** The value of any PV of the IOC. */
  readonly pv: (name: string) => number | string | undefined
}

export class AreaDetector {
  readonly camera: Camera
  readonly image: StdArraysPlugin
  readonly pva: PvaPlugin
  readonly hdf: Hdf5Plugin
  readonly tiff: TiffPlugin
  readonly stats: StatsPlugin
  readonly roi: RoiPlugin
  readonly #faults = new DetectorFaults()

  constructor(parts: AreaDetectorParts) {
    const { prefix, clock, noise, light, attributes, pv, sensor = [1024, 1024], elements = "USHORT" } = parts
    const size = parts.size ?? [Math.min(256, sensor[0]), Math.min(256, sensor[1])]
    const ports = new Map<string, ArrayPort>()
    const plugin = (name: PluginName): PluginParts => ({
      name,
      prefix: `${prefix}${name}:`,
      clock,
      ports,
      faults: this.#faults,
    })
    this.camera = new Camera({
      prefix: `${prefix}cam1:`,
      clock,
      region: { sensor, size },
      image: new ImageSource(noise, light),
      attributes,
      pv,
      faults: this.#faults,
    })
    this.image = new StdArraysPlugin(plugin("image1"), { elements, length: sensor[0] * sensor[1] * 3 })
    this.pva = new PvaPlugin(plugin("Pva1"))
    this.hdf = new Hdf5Plugin(plugin("HDF1"))
    this.tiff = new TiffPlugin(plugin("TIFF1"))
    this.stats = new StatsPlugin(plugin("Stats1"), sensor)
    this.roi = new RoiPlugin(plugin("ROI1"))
    for (const { port } of [this.camera, ...this.plugins]) ports.set(port.name, port)
    for (const each of this.plugins) each.connect()
  }

  get plugins(): readonly Plugin[] {
    return [this.image, this.pva, this.hdf, this.tiff, this.stats, this.roi] as unknown as Plugin[]
  }

  get records(): readonly SimRecord[] {
    return [this.camera, ...this.plugins].flatMap(each => each.records)
  }

  /** Makes a trouble. Gives the function that mends it. */
  addFault(fault: DetectorFault): () => void {
    return this.#faults.add(fault)
  }

  /** Stops it; resolves when files are closed. */
  async close(): Promise<void> {
    this.camera.close()
    await Promise.all(this.plugins.map(each => each.close()))
  }
}
