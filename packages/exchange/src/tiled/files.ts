/** How files that a detector wrote (stream_resource, stream_datum) make up one array, in the form a Tiled server takes. */
import type { DataKey } from "@ophyd-ts/core"
import type { StreamDatum, StreamResource } from "@ophyd-ts/run-engine"
import { ExchangeError } from "../errors.ts"
import type { FileSource } from "./catalog.ts"
import { fileNames } from "./file-names.ts"
import { dataType, parseDtype, product } from "./ndarray.ts"

const hdf5 = "application/x-hdf5"
const bytesType = "application/octet-stream"

type Parameters = StreamResource["parameters"]

const numbers = (value: unknown): number[] => (Array.isArray(value) ? value.map(Number) : [])

/** All files of one data key in one stream. */
export class FileSeries {
  readonly dataKey: string
  readonly #mimetype: string
  readonly #key: DataKey
  /** Lengths of the axes of what one event counts. */
  readonly #datumShape: number[]
  readonly #chunkShape: number[]
  readonly #first: Parameters
  #uri: string
  #parameters: Parameters
  #name: ((index: number) => string) | null
  /** Index at which the present resource's files begin. */
  #from = 0
  #uris: string[] = []
  #rows = 0

  constructor(resource: StreamResource, key: DataKey) {
    const { data_key, mimetype, uri, parameters } = resource
    this.dataKey = data_key
    this.#mimetype = mimetype
    this.#key = key
    this.#uri = uri
    this.#first = parameters
    this.#parameters = parameters
    this.#name = fileNames(parameters)
    if (parameters["join_method"] === "concat" || mimetype.startsWith("text/csv"))
      throw refused(resource, "files whose contents are joined end to end are not registered by this writer")
    if (key.shape.includes(null)) throw refused(resource, "its shape is not known")
    if (mimetype.startsWith("multipart/") && this.#name === null)
      throw refused(resource, "a sequence of files needs the parameter `template`")
    this.#datumShape = datumShape(key.shape as number[], parameters)
    const chunks = numbers(parameters["chunk_shape"])
    if (chunks.some(n => !(n >= 1)) || chunks.length > this.#datumShape.length + 1)
      throw refused(resource, `the chunk shape [${chunks}] does not fit the shape [${key.shape}]`)
    this.#chunkShape = chunks.length === 0 && this.#name !== null ? [1] : chunks
    if (this.#name === null) this.#uris.push(uri)
  }

  get rows(): number {
    return this.#rows
  }

  /** Lengths of the axes without the first; empty where the files are not an array. */
  get datumShape(): readonly number[] {
    return this.#mimetype === bytesType ? [] : this.#datumShape
  }

  /** Goes into the node's metadata. */
  get metadata(): Record<string, unknown> {
    const { multiplier, spec } = this.#first
    return {
      ...(spec !== undefined && { spec }),
      ...(multiplier !== undefined && { frame_per_point: multiplier }),
    }
  }

  /** The same key goes on in other files. */
  continueWith(resource: StreamResource): void {
    const { parameters, uri } = resource
    this.#uri = uri
    this.#parameters = parameters
    this.#name = fileNames(parameters)
    if (this.#name !== null) {
      this.#from = this.#uris.length
      return
    }
    if (this.#mimetype === hdf5 && parameters["dataset"] !== this.#first["dataset"])
      throw refused(resource, `the dataset was ${this.#first["dataset"]} before`)
    this.#uris.push(uri)
  }

  add({ indices: { start, stop } }: StreamDatum): void {
    this.#rows += stop - start
    if (this.#name === null) return
    const perDatum = this.#filesPerDatum()
    for (let index = start * perDatum; index < stop * perDatum; index++) {
      const name = this.#name(index - this.#from)
      // Both a folder and the beginning of a file's name are in use.
      this.#uris.push(this.#uri + (this.#uri.endsWith("/") ? name.replace(/^\/+/, "") : name))
    }
  }

  source(): FileSource {
    const shape = [this.#rows, ...this.#datumShape]
    const assets = this.#uris.map((data_uri, num) => ({
      data_uri,
      is_directory: false,
      parameter: "data_uris",
      num,
    }))
    const common = { mimetype: this.#mimetype, assets }
    if (this.#mimetype === bytesType)
      return { ...common, structure_family: "bytes", structure: {}, parameters: {}, properties: {} }
    return {
      ...common,
      structure_family: "array",
      structure: {
        data_type: parseDtype(this.#key.dtype_numpy) ?? dataType("f", 8),
        shape,
        chunks: shape.map((length, axis) => summands(length, this.#chunkShape[axis] ?? length)),
        dims: this.#key.dims === undefined ? null : ["time", ...this.#key.dims],
        resizable: false,
      },
      parameters: this.#adapterParameters(),
      properties: this.#properties(),
    }
  }

  #adapterParameters(): Record<string, unknown> {
    if (this.#mimetype !== hdf5) return {}
    const { dataset, slice, squeeze, swmr = true, locking = null } = this.#parameters
    return { dataset, ...(slice ? { slice } : {}), ...(squeeze ? { squeeze } : {}), swmr, locking }
  }

  /** The files' own layout where one event counts several files. */
  #properties(): Record<string, unknown> {
    const perDatum = this.#filesPerDatum()
    const [frames = 1, ...frame] = this.#datumShape
    if (this.#name === null || perDatum === 1 || frame.length === 0 || frames % perDatum !== 0) return {}
    const perFile = frames / perDatum
    const chunks = [this.#uris.map(() => 1), ...(perFile > 1 ? [[perFile]] : []), ...frame.map(n => [n])]
    return { chunks }
  }

  #filesPerDatum(): number {
    const given = this.#parameters["files_per_datum"]
    if (typeof given === "number") return given
    const [frames, ...frame] = this.#datumShape
    if (frames === undefined) return 1
    const [chunk = 0, ...rest] = this.#chunkShape
    const framesPerFile = this.#first["multiplier"]
      ? 1
      : rest.length === frame.length && rest.every((n, i) => n === frame[i]) && frames % chunk === 0
        ? chunk
        : frames
    return Math.max(1, Math.floor(frames / framesPerFile))
  }
}

function datumShape(declared: number[], { multiplier }: Parameters): number[] {
  const shape = product(declared) === 1 && declared.length <= 1 ? [] : declared
  if (typeof multiplier !== "number" || shape[0] === multiplier) return shape
  if (shape.length === 0) return [multiplier]
  return shape[0] === 1 ? [multiplier, ...shape.slice(1)] : [multiplier, ...shape]
}

/** `length` as a sum of `part`s and a rest. */
function summands(length: number, part: number): number[] {
  if (length === 0) return [0]
  const whole = Array.from({ length: Math.floor(length / part) }, () => part)
  return length % part === 0 ? whole : [...whole, length % part]
}

const refused = ({ data_key, mimetype, uri }: StreamResource, why: string) =>
  new ExchangeError("ARGUMENT", `stream_resource for "${data_key}" (${mimetype}, ${uri}): ${why}`)
