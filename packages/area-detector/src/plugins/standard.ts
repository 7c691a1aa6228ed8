import { Hdf5Plugin } from "./hdf5.ts"
import { NdPlugin, type PluginClass, type PluginOptions } from "./plugin.ts"
import { ProcessPlugin } from "./process.ts"
import { RoiPlugin } from "./roi.ts"
import { CodecPlugin, PvaPlugin, StdArraysPlugin, TransformPlugin } from "./simple.ts"
import { StatsPlugin } from "./stats.ts"
import { TiffPlugin } from "./tiff.ts"

/** Plugins under the names and prefixes that areaDetector's own start-up files give them. */
export const standardPlugins = {
  image: [StdArraysPlugin, "image1:"],
  pva: [PvaPlugin, "Pva1:"],
  hdf: [Hdf5Plugin, "HDF1:"],
  tiff: [TiffPlugin, "TIFF1:"],
  roi: [RoiPlugin, "ROI1:"],
  roi1: [RoiPlugin, "ROI1:"],
  roi2: [RoiPlugin, "ROI2:"],
  roi3: [RoiPlugin, "ROI3:"],
  roi4: [RoiPlugin, "ROI4:"],
  stats: [StatsPlugin, "Stats1:"],
  stats1: [StatsPlugin, "Stats1:"],
  stats2: [StatsPlugin, "Stats2:"],
  stats3: [StatsPlugin, "Stats3:"],
  stats4: [StatsPlugin, "Stats4:"],
  stats5: [StatsPlugin, "Stats5:"],
  process: [ProcessPlugin, "Proc1:"],
  transform: [TransformPlugin, "Trans1:"],
  codec: [CodecPlugin, "Codec1:"],
} as const satisfies Record<string, readonly [PluginClass, string]>

type StandardPlugins = typeof standardPlugins

/**
 * Which plugins a detector has, by the names of its fields: `true` for one of the standard names, a prefix for a standard one
 * elsewhere, a class with its prefix for any other.
 */
export type PluginChoices = { readonly [name: string]: true | string | readonly [PluginClass, string] }

/** The devices that follow from the choices. */
export type PluginsOf<C extends PluginChoices> = {
  readonly [N in keyof C]: C[N] extends readonly [PluginClass<infer P>, string]
    ? P
    : N extends keyof StandardPlugins
      ? InstanceType<StandardPlugins[N][0]>
      : NdPlugin
}

/** Makes the plugins of a detector. @throws RangeError for `true` with a name that is none of the standard ones. */
export function makePlugins(
  prefix: string,
  choices: PluginChoices,
  options: PluginOptions,
): Record<string, NdPlugin> {
  const plugins: Record<string, NdPlugin> = {}
  for (const [name, chosen] of Object.entries(choices)) {
    const standard = (standardPlugins as Record<string, readonly [PluginClass, string]>)[name]
    if (typeof chosen === "object") {
      const [make, suffix] = chosen
      plugins[name] = new make(`${prefix}${suffix}`, options)
    } else if (typeof chosen === "string") {
      const make = standard?.[0] ?? NdPlugin
      plugins[name] = new make(`${prefix}${chosen}`, options)
    } else {
      if (standard === undefined) {
        throw new RangeError(
          `"${name}" is none of the standard plugins ${Object.keys(standardPlugins).join(", ")}: give its class and prefix`,
        )
      }
      const [make, suffix] = standard
      plugins[name] = new make(`${prefix}${suffix}`, options)
    }
  }
  return plugins
}
