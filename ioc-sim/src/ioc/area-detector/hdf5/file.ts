/**
 * One HDF5 file in the default layout of ADCore's file plugin: images below `/entry/instrument/detector`, also known as
 * `/entry/data/data`, and what is known about each image beside them.
 */
import { closeSync, openSync } from "node:fs"
import { type Dataset, type File, File as Hdf5File, ready } from "h5wasm/node"
import type { FrameAttribute } from "../frame.ts"
import type { FileLayout, StoredFrame } from "./messages.ts"

/** Values of small datasets are written so many at a time, and whenever the file is flushed. */
const batch = 64

type Numbers = Int32Array | Uint32Array | Float64Array
type Pixels = StoredFrame["data"]

/** A dataset that grows by one value, or one row of values, with each image. */
class Column {
  readonly #dataset: Dataset
  readonly #make: (values: number[]) => Numbers
  readonly #width: number
  #pending: number[] = []
  #rows = 0

  constructor(dataset: Dataset, make: (values: number[]) => Numbers, width: number) {
    this.#dataset = dataset
    this.#make = make
    this.#width = width
  }

  push(...values: number[]): void {
    this.#pending.push(...values)
    if (this.#pending.length >= batch * this.#width) this.write()
  }

  write(): void {
    if (this.#pending.length === 0) return
    const added = this.#pending.length / this.#width
    const rows = this.#rows + added
    const range = [this.#rows, rows]
    const wide = this.#width > 1
    this.#dataset.resize(wide ? [rows, this.#width] : [rows])
    this.#dataset.write_slice(
      wide ? [range as never, [0, this.#width]] : [range as never],
      this.#make(this.#pending),
    )
    this.#rows = rows
    this.#pending = []
  }

  /** Forgets what came after so many rows. */
  cut(rows: number): void {
    this.#pending = []
    if (this.#rows <= rows) return
    this.#dataset.resize(this.#width > 1 ? [rows, this.#width] : [rows])
    this.#rows = rows
  }
}

export class ImageFile {
  readonly #file: File
  readonly #layout: FileLayout
  readonly #images: Dataset
  readonly #columns = new Map<string, Column>()
  #count = 0
  #flushed = 0
  #last: number | undefined
  #first: number | undefined

  /** Rejects with the reason of the system when the file cannot be made. */
  static async create(path: string, first: Pixels, layout: FileLayout): Promise<ImageFile> {
    // The library tells of a refusal by a number and a page on the error output: ask the system before it.
    closeSync(openSync(path, "w"))
    await ready
    const file = new Hdf5File(path, "w", layout.swmr ? { libver: "latest" } : {})
    if (file.file_id < 0n) throw new Error(`the HDF5 library cannot create ${path}`)
    return new ImageFile(file, first, layout)
  }

  private constructor(file: File, first: Pixels, layout: FileLayout) {
    this.#file = file
    this.#layout = layout
    this.#images = this.#makeGroups(first)
    if (layout.swmr) file.start_swmr_write()
  }

  write(frame: StoredFrame): void {
    const begun = performance.now() / 1000
    const { shape } = this.#layout
    const count = this.#count + 1
    this.#images.resize([count, ...shape])
    this.#images.write_slice(
      [[this.#count, count], ...shape.map(size => [0, size] as [number, number])],
      frame.data,
    )
    this.#count = count
    this.#column("NDArrayUniqueId")?.push(frame.uniqueId)
    this.#column("NDArrayTimeStamp")?.push(frame.timeStamp)
    this.#column("NDArrayEpicsTSSec")?.push(frame.seconds)
    this.#column("NDArrayEpicsTSnSec")?.push(frame.nanoseconds)
    for (const { name, value } of frame.attributes)
      if (typeof value === "number") this.#column(name)?.push(value)
    this.#timing(begun, frame.data.byteLength)
  }

  flush(): void {
    for (const column of this.#columns.values()) column.write()
    this.#file.flush()
    this.#flushed = this.#count
  }

  /** What a full disk leaves: the images up to the last flush. */
  lose(): void {
    this.#images.resize([this.#flushed, ...this.#layout.shape])
    this.#count = this.#flushed
    for (const column of this.#columns.values()) column.cut(this.#flushed)
  }

  close(): void {
    this.flush()
    this.#file.close()
  }

  #column(name: string): Column | undefined {
    return this.#columns.get(name)
  }

  /** Seconds for this image, since the last one, since the first one, and megabits per second of the last two. */
  #timing(begun: number, bytes: number): void {
    const now = performance.now() / 1000
    this.#first ??= begun
    const [write, period, total] = [now - begun, begun - (this.#last ?? begun), now - this.#first]
    this.#last = begun
    const megabits = (bytes * 8) / 1e6
    const rate = (seconds: number, images = 1): number => (seconds > 0 ? (images * megabits) / seconds : 0)
    this.#column("timestamp")?.push(write, period, total, rate(write), rate(total, this.#count))
  }

  #makeGroups(first: Pixels): Dataset {
    const group = (path: string, type?: string): void => {
      const slash = path.lastIndexOf("/")
      const made = this.#groupAt(path.slice(0, slash)).create_group(path.slice(slash + 1))
      if (type !== undefined) made.create_attribute("NX_class", type)
    }
    group("/entry", "NXentry")
    this.#groupAt("/entry").create_attribute("default", "data")
    group("/entry/instrument", "NXinstrument")
    group("/entry/instrument/detector", "NXdetector")
    const images = this.#makeImages(first)
    group("/entry/data", "NXdata")
    this.#groupAt("/entry/data").create_attribute("signal", "data")
    this.#file.create_hard_link("/entry/instrument/detector/data", "/entry/data/data")
    group("/entry/instrument/detector/NDAttributes", "NXcollection")
    group("/entry/instrument/NDAttributes", "NXcollection")
    this.#makeAttributes()
    if (this.#layout.performance) {
      group("/entry/instrument/performance")
      this.#makeColumn("/entry/instrument/performance", "timestamp", values => Float64Array.from(values), 5)
    }
    return images
  }

  #groupAt(path: string) {
    return path === "" ? this.#file : (this.#file.get(path) as File)
  }

  #makeImages(first: Pixels): Dataset {
    const { shape, chunks, zlib } = this.#layout
    const Type = first.constructor as new (length: number) => Pixels
    const images = this.#groupAt("/entry/instrument/detector").create_dataset({
      name: "data",
      data: new Type(0),
      shape: [0, ...shape],
      maxshape: [null, ...shape],
      chunks: [...chunks],
      ...(zlib !== undefined && { compression: "gzip" as const, compression_opts: zlib }),
    })
    images.create_attribute("NX_class", "SDS")
    images.create_attribute("signal", 1, null, "<i4")
    images.create_attribute("target", "/entry/instrument/detector/data")
    return images
  }

  #makeAttributes(): void {
    const { attributes } = this.#layout
    if (attributes.length === 0) return
    const at = "/entry/instrument/NDAttributes"
    const int = (values: number[]): Numbers => Int32Array.from(values)
    const unsigned = (values: number[]): Numbers => Uint32Array.from(values)
    const double = (values: number[]): Numbers => Float64Array.from(values)
    const driver = (name: string, description: string): FrameAttribute => ({
      name,
      description,
      source: "Driver",
      from: "Driver",
      type: "int",
      value: 0,
    })
    const make = (path: string, attribute: FrameAttribute, numbers: (values: number[]) => Numbers): void => {
      const dataset = this.#makeColumn(path, attribute.name, numbers, 1)
      dataset.create_attribute("NDAttrName", attribute.name)
      dataset.create_attribute("NDAttrDescription", attribute.description)
      dataset.create_attribute("NDAttrSourceType", `NDAttrSource${attribute.source.replace(" ", "")}`)
      dataset.create_attribute("NDAttrSource", attribute.from)
    }
    make(at, driver("NDArrayUniqueId", "The unique ID of the NDArray"), int)
    make(at, driver("NDArrayTimeStamp", "The timestamp of the NDArray as float64"), double)
    make(at, driver("NDArrayEpicsTSSec", "The NDArray EPICS timestamp seconds past epoch"), unsigned)
    make(at, driver("NDArrayEpicsTSnSec", "The NDArray EPICS timestamp nanoseconds"), unsigned)
    for (const attribute of attributes) {
      if (attribute.type === "string") continue
      const path = attribute.name === "ColorMode" ? "/entry/instrument/detector/NDAttributes" : at
      make(path, attribute, attribute.type === "int" ? int : double)
    }
  }

  #makeColumn(path: string, name: string, make: (values: number[]) => Numbers, width: number): Dataset {
    const wide = width > 1
    const dataset = this.#groupAt(path).create_dataset({
      name,
      data: make([]),
      shape: wide ? [0, width] : [0],
      maxshape: wide ? [null, width] : [null],
      chunks: wide ? [1024, width] : [1024],
    })
    this.#columns.set(name, new Column(dataset, make, width))
    return dataset
  }
}
