/** The plugin `ROI1:`, which cuts a region out of an image, bins it, and may change the type of its pixels. */
import { pluginFields } from "../fields/plugin.ts"
import { axesOf, type Dimension, dataTypes, type Frame, sizesOf } from "../frame.ts"
import { bare, choice, disableEnable, double, long, noYes, r, rw, text } from "../parameters.ts"
import { type Cut, crop } from "./crop.ts"
import { Plugin, type PluginParts } from "./plugin.ts"

const everything = 1_000_000

const perAxis = <K extends string, P>(name: (axis: "X" | "Y" | "Z") => K, parameter: () => P): Record<K, P> =>
  Object.fromEntries((["X", "Y", "Z"] as const).map(axis => [name(axis), parameter()])) as Record<K, P>

const table = {
  ...pluginFields({ port: "ROI1", type: "NDPluginROI" }),
  Name: rw(text()),
  ...perAxis(
    a => `Enable${a}` as const,
    () => rw(choice(disableEnable, 1), { severities: [0, 1] }),
  ),
  ...perAxis(
    a => `Min${a}` as const,
    () => rw(long()),
  ),
  ...perAxis(
    a => `Size${a}` as const,
    () => rw(long(everything)),
  ),
  ...perAxis(
    a => `AutoSize${a}` as const,
    () => rw(choice(noYes)),
  ),
  ...perAxis(
    a => `Bin${a}` as const,
    () => rw(long(1)),
  ),
  ...perAxis(
    a => `Reverse${a}` as const,
    () => rw(choice(noYes)),
  ),
  ...perAxis(
    a => `MaxSize${a}` as const,
    () => r(long()),
  ),
  MaxX: bare(long()),
  MaxY: bare(long()),
  EnableScale: rw(choice(disableEnable), { severities: [0, 1] }),
  Scale: rw(double(1), { precision: 3 }),
  DataTypeOut: rw(choice([...dataTypes, "Automatic"], dataTypes.length)),
  CollapseDims: rw(choice(disableEnable), { severities: [0, 1] }),
}

export class RoiPlugin extends Plugin<typeof table> {
  constructor(parts: PluginParts) {
    super(parts, table)
  }

  protected override handle(frame: Frame): Frame {
    const p = this.parameters
    const axes = axesOf(frame.colorMode)
    const cuts: Cut[] = frame.dimensions.map((dimension, i) => {
      const axis = i === axes.x ? "X" : i === axes.y ? "Y" : "Z"
      return this.#cut(axis, dimension)
    })
    const scale = p.get("EnableScale") === 1 && p.get("Scale") !== 0 ? p.get("Scale") : 1
    const dataType = dataTypes[p.get("DataTypeOut")] ?? frame.dataType
    const cutOut = crop(frame, cuts, dataType, scale)
    const collapsed =
      p.get("CollapseDims") === 1 ? cutOut.dimensions.filter(({ size }) => size > 1) : cutOut.dimensions
    const result = { ...frame, ...cutOut, dimensions: collapsed.length > 0 ? collapsed : cutOut.dimensions }
    // As in ADCore: Dimensions and DataType tell of what came in, ArraySizeX to Z of what goes out.
    const { x, y, z } = sizesOf(result)
    p.post({ ArraySizeX: x, ArraySizeY: y, ArraySizeZ: z, ArraySize: result.data.byteLength })
    return result
  }

  /** The part of a dimension; settings that do not fit it are corrected, and the read-backs say so. */
  #cut(axis: "X" | "Y" | "Z", { size: full }: Dimension): Cut {
    const p = this.parameters
    p.set(`MaxSize${axis}`, full)
    if (axis !== "Z") p.set(`Max${axis}`, full)
    const reverse = p.get(`Reverse${axis}`) === 1
    if (p.get(`Enable${axis}`) === 0) return { offset: 0, size: full, binning: 1, reverse: false }
    const offset = Math.min(Math.max(0, p.get(`Min${axis}`)), full - 1)
    const wanted = p.get(`AutoSize${axis}`) === 1 ? full : p.get(`Size${axis}`)
    const size = Math.min(Math.max(1, wanted), full - offset)
    const binning = Math.min(Math.max(1, p.get(`Bin${axis}`)), size)
    p.set(`Min${axis}`, offset)
    p.set(`Size${axis}`, size)
    p.set(`Bin${axis}`, binning)
    return { offset, size, binning, reverse }
  }
}
