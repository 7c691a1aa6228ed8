import { type DataKey, type DataKeys, snakeCase } from "@ophyd-ts/core"
import { isPresent } from "../device/optional.ts"
import { AreaDetectorError } from "../errors.ts"
import type { PathInfo } from "../paths/provider.ts"
import type { FilePlugin } from "../plugins/file.ts"
import { type Hdf5Compression, Hdf5Plugin } from "../plugins/hdf5.ts"
import { locate } from "./file-location.ts"
import type { FrameShape } from "./frame-shape.ts"
import type { Settings } from "./settings.ts"

/** A stream_resource document, before the engine adds its run. */
export interface Resource {
  readonly uid: string
  readonly data_key: string
  readonly mimetype: string
  readonly uri: string
  readonly parameters: Record<string, unknown>
}

/** What file formats differ in. */
export interface FileFormat {
  readonly extension: string
  /** One file for each frame. */
  readonly manyFiles: boolean
  /** Writes the settings that only this format has. */
  prepare(plugin: FilePlugin, settings: Settings): Promise<void>
  dataKeys(detector: string, frame: FrameShape, framesPerEvent: number, source: string): DataKeys
  /** What readers have to know, once the file exists. */
  resources(
    plugin: FilePlugin,
    detector: string,
    fullName: string,
    info: PathInfo,
    frame: FrameShape,
  ): Promise<Resource[]>
  /** Makes frames visible to readers before they are announced. */
  flush(plugin: FilePlugin): Promise<void>
}

/** The key of a detector's frames in documents. */
export const imageKey = (detector: string): string => `${detector}_image`

const imageKeys: FileFormat["dataKeys"] = (detector, frame, framesPerEvent, source) => ({
  [imageKey(detector)]: {
    source,
    dtype: "array",
    shape: [framesPerEvent, ...frame.shape],
    dtype_numpy: frame.dtype,
    external: "STREAM:",
  },
})

export interface Hdf5Options {
  /** Readers may open the file while it is written; frames are flushed before they are announced. Default false. */
  swmr?: boolean | undefined
  /** Frames of one chunk; default what is set in the plugin, at least 1. */
  framesPerChunk?: number | undefined
  /** Default what is set in the plugin. */
  compression?: Hdf5Compression | undefined
  /**
   * NDAttributes of the frames that documents announce too, with their types: `{ RingCurrent: "<f8" }` has the key
   * `det_ring_current`, one value for each frame. Default none.
   */
  attributes?: Readonly<Record<string, string>> | undefined
}

/** HDF5 files in ADCore's default layout: frames at `/entry/data/data`, attributes below `/entry/instrument/NDAttributes`. */
export function hdf5Format(options: Hdf5Options = {}): FileFormat {
  const { swmr = false, framesPerChunk, compression, attributes = {} } = options
  const mimetype = "application/x-hdf5"
  return {
    extension: ".h5",
    manyFiles: false,
    async prepare(plugin, settings) {
      const hdf = asHdf5(plugin)
      if (swmr || isPresent(hdf.swmrMode)) await settings.write(hdf.swmrMode, swmr)
      if (isPresent(hdf.xmlFileName)) await settings.write(hdf.xmlFileName, "")
      if (isPresent(hdf.numExtraDims)) await settings.write(hdf.numExtraDims, 0)
      if (isPresent(hdf.chunkSizeAuto)) await settings.write(hdf.chunkSizeAuto, true)
      if (framesPerChunk !== undefined) await settings.write(hdf.numFramesChunks, framesPerChunk)
      if (compression !== undefined) await settings.write(hdf.compression, compression)
      if (Object.keys(attributes).length > 0 && isPresent(hdf.storeAttributes))
        await settings.write(hdf.storeAttributes, true)
    },
    dataKeys(detector, frame, framesPerEvent, source) {
      const dtype = framesPerEvent > 1 ? "array" : "number"
      const shape = [framesPerEvent]
      const keys = Object.entries(attributes).map(([name, dtype_numpy]): [string, DataKey] => [
        attributeKey(detector, name),
        { source, dtype, shape, dtype_numpy, external: "STREAM:" },
      ])
      return { ...imageKeys(detector, frame, framesPerEvent, source), ...Object.fromEntries(keys) }
    },
    async resources(plugin, detector, fullName, info, frame) {
      const { numFramesChunks, attributeChunk } = asHdf5(plugin)
      const [frames, values] = await Promise.all([
        isPresent(numFramesChunks) ? numFramesChunks.get() : 1,
        isPresent(attributeChunk) ? attributeChunk.get() : 0,
      ])
      const uri = locate(plugin.name, fullName, info)
      const resource = (data_key: string, dataset: string, chunk_shape: readonly number[]): Resource => ({
        uid: globalThis.crypto.randomUUID(),
        data_key,
        mimetype,
        uri,
        parameters: { dataset, chunk_shape, swmr },
      })
      return [
        resource(imageKey(detector), "/entry/data/data", [Math.max(1, frames), ...frame.shape]),
        ...Object.keys(attributes).map(name =>
          resource(attributeKey(detector, name), `/entry/instrument/NDAttributes/${name}`, [
            values > 0 ? values : 16_384,
          ]),
        ),
      ]
    },
    async flush(plugin) {
      const { flushNow } = asHdf5(plugin)
      if (swmr && isPresent(flushNow)) await flushNow.set(true, { timeout: 10, whenBusy: "queue" })
    },
  }
}

/** The key of an attribute of a detector's frames. */
const attributeKey = (detector: string, name: string): string => `${detector}_${snakeCase(name)}`

function asHdf5(plugin: FilePlugin): Hdf5Plugin {
  if (plugin instanceof Hdf5Plugin) return plugin
  throw new AreaDetectorError("WRONG_PLUGIN", `${plugin.name}: HDF5 files need the HDF5 plugin`)
}

/** TIFF files, one for each frame, numbered from 0. */
export const tiffFormat = (): FileFormat => ({
  extension: ".tif",
  manyFiles: true,
  async prepare() {},
  dataKeys: imageKeys,
  async resources(plugin, detector, fullName, info, frame) {
    const uri = locate(plugin.name, fullName, info)
    return [
      {
        uid: globalThis.crypto.randomUUID(),
        data_key: imageKey(detector),
        mimetype: "multipart/related;type=image/tiff",
        uri: uri.slice(0, uri.lastIndexOf("/") + 1),
        parameters: { template: `${info.fileName}_{:06d}.tif`, chunk_shape: [1, ...frame.shape] },
      },
    ]
  },
  async flush() {},
})
