import type { AdDeviceOptions } from "../device/ad-device.ts"
import type { AdDriver } from "../device/ad-driver.ts"
import type { FilePlugin } from "../plugins/file.ts"
import { Hdf5Plugin } from "../plugins/hdf5.ts"
import type { NdPlugin } from "../plugins/plugin.ts"
import { TiffPlugin } from "../plugins/tiff.ts"
import { type Hdf5Options, hdf5Format, tiffFormat } from "./file-format.ts"
import { FileWriter, type FileWriterOptions } from "./file-writer.ts"

/** Which files a detector writes. */
export interface FileOptions extends Hdf5Options {
  /** Default `hdf5`. */
  format?: "hdf5" | "tiff" | undefined
  /** Prefix of the plugin; default `HDF1:` or `TIFF1:`. */
  prefix?: string | undefined
  /** Opens the file at the first frame; default true. False needs a plugin that has seen a frame: see `prime`. */
  lazyOpen?: boolean | undefined
}

export interface FileParts {
  readonly plugin: FilePlugin
  writer(driver: AdDriver, options: FileWriterOptions): FileWriter
}

/** The file plugin, one of those given when it is among them, and how its writer is made. */
export function fileParts(
  prefix: string,
  options: FileOptions,
  given: readonly NdPlugin[],
  deviceOptions: AdDeviceOptions,
): FileParts {
  const { format = "hdf5", lazyOpen } = options
  const make = format === "hdf5" ? Hdf5Plugin : TiffPlugin
  const full = `${prefix}${options.prefix ?? (format === "hdf5" ? "HDF1:" : "TIFF1:")}`
  const known = given.find((plugin): plugin is FilePlugin => plugin instanceof make && plugin.prefix === full)
  const plugin = known ?? new make(full, { ...deviceOptions, as: format === "hdf5" ? "hdf" : "tiff" })
  return {
    plugin,
    writer: (driver, writerOptions) =>
      new FileWriter(plugin, driver, format === "hdf5" ? hdf5Format(options) : tiffFormat(), {
        ...writerOptions,
        lazyOpen,
      }),
  }
}
