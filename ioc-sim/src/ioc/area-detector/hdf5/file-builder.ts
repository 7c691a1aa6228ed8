/** Makes the groups and datasets of a file by its layout. */
import type { Dataset, File, Group } from "h5wasm/node"
import type { FrameAttribute } from "../frame.ts"
import { Column, type MakeNumbers, numbers } from "./column.ts"
import { datasetsOf, type LayoutAttribute, type LayoutDataset, performance, walk } from "./layout.ts"
import type { FileLayout, StoredFrame } from "./messages.ts"
import { type Hdf5, Rows } from "./rows.ts"

const rowsPerChunk = 1024

/** What ADCore keeps of each image besides its attributes. */
const ofEachImage: readonly (readonly [name: string, description: string, make: MakeNumbers])[] = [
  ["NDArrayUniqueId", "The unique ID of the NDArray", numbers.int],
  ["NDArrayTimeStamp", "The timestamp of the NDArray as float64", numbers.double],
  ["NDArrayEpicsTSSec", "The NDArray EPICS timestamp seconds past epoch", numbers.unsigned],
  ["NDArrayEpicsTSnSec", "The NDArray EPICS timestamp nanoseconds", numbers.unsigned],
]

export class FileBuilder {
  /** Name of the column that holds times of writing; no attribute has it. */
  static readonly timing = "\0timing"

  readonly #library: Hdf5
  readonly #file: File
  readonly #first: StoredFrame["data"]
  readonly #layout: FileLayout
  readonly #columns = new Map<string, Column>()

  constructor(library: Hdf5, file: File, first: StoredFrame["data"], layout: FileLayout) {
    this.#library = library
    this.#file = file
    this.#first = first
    this.#layout = layout
  }

  build(): { readonly images: Rows; readonly columns: ReadonlyMap<string, Column> } {
    const { tree } = this.#layout
    walk(tree, ({ name, attributes }, path) => {
      if (path === "") return
      const made = this.#at(path.slice(0, -name.length - 1)).create_group(name)
      this.#describe(made, attributes)
    })
    const images = this.#makeImages()
    for (const { path, dataset } of datasetsOf(tree)) this.#make(path, dataset)
    this.#makeOthers()
    walk(tree, ({ links }, path) => {
      for (const { name, target } of links) this.#file.create_hard_link(target, `${path}/${name}`)
    })
    return { images, columns: this.#columns }
  }

  #at(path: string): Group {
    return path === "" ? this.#file : (this.#file.get(path) as Group)
  }

  #within(path: string): [Group, string] {
    const slash = path.lastIndexOf("/")
    return [this.#at(path.slice(0, slash)), path.slice(slash + 1)]
  }

  #describe(made: Group | Dataset, attributes: readonly LayoutAttribute[]): void {
    for (const { name, source, value, type } of attributes) {
      const known = this.#layout.attributes.find(attribute => attribute.name === value)?.value
      const content = source === "constant" ? value : known
      if (content === undefined) continue
      if (source === "constant" && type === "int")
        made.create_attribute(name, Math.trunc(Number(value)), null, "<i4")
      else if (typeof content === "number" || type === "float")
        made.create_attribute(name, Number(content), null, "<d")
      else made.create_attribute(name, content)
    }
  }

  #makeImages(): Rows {
    const { tree, shape, chunks, zlib } = this.#layout
    const all = datasetsOf(tree).filter(({ dataset }) => dataset.source === "detector")
    const target = all.find(({ dataset }) => dataset.isDefault) ?? all[0]
    if (target === undefined) throw new Error("the layout has no place for images")
    const [group, name] = this.#within(target.path)
    const Type = this.#first.constructor as new (length: number) => StoredFrame["data"]
    const images = group.create_dataset({
      name,
      data: new Type(0),
      shape: [0, ...shape],
      maxshape: [null, ...shape],
      chunks: [...chunks],
      ...(zlib !== undefined && { compression: "gzip" as const, compression_opts: zlib }),
    })
    this.#describe(images, target.dataset.attributes)
    return new Rows(this.#library, images, shape)
  }

  #make(path: string, { name, source, value, type, attributes }: LayoutDataset): void {
    const [group] = this.#within(path)
    if (source === "constant") {
      const data =
        type === "string"
          ? value
          : type === "int"
            ? Int32Array.of(Number(value))
            : Float64Array.of(Number(value))
      this.#describe(group.create_dataset({ name, data }), attributes)
    } else if (source === "ndattribute") {
      const isTiming = name === performance.dataset && path.endsWith(`${performance.group}/${name}`)
      const made = isTiming ? this.#makeTiming(path) : this.#makeNamed(path, value === "" ? name : value)
      if (made !== undefined) this.#describe(made, attributes)
    }
  }

  #makeTiming(path: string): Dataset | undefined {
    return this.#layout.performance ? this.#column(path, FileBuilder.timing, numbers.double, 5) : undefined
  }

  /** A dataset for one attribute of the images; undefined when they have no such numbers. */
  #makeNamed(path: string, attribute: string): Dataset | undefined {
    const basic = ofEachImage.find(([name]) => name === attribute)
    if (basic !== undefined) return this.#makeBasic(path, basic)
    const found = this.#layout.attributes.find(({ name, type }) => name === attribute && type !== "string")
    return found && this.#makeAttribute(path, found)
  }

  /** Attributes that the layout does not name go where it says that others go, if anywhere. */
  #makeOthers(): void {
    let place: string | undefined
    walk(this.#layout.tree, ({ takesAttributes }, path) => {
      if (takesAttributes) place ??= path
    })
    if (place === undefined || this.#layout.attributes.length === 0) return
    for (const basic of ofEachImage)
      if (!this.#columns.has(basic[0])) this.#makeBasic(`${place}/${basic[0]}`, basic)
    for (const attribute of this.#layout.attributes) {
      const isNumber = attribute.type !== "string"
      if (isNumber && !this.#columns.has(attribute.name))
        this.#makeAttribute(`${place}/${attribute.name}`, attribute)
    }
  }

  #makeBasic(path: string, [name, description, make]: (typeof ofEachImage)[number]): Dataset {
    const dataset = this.#column(path, name, make, 1)
    this.#label(dataset, { name, description, source: "Driver", from: "Driver" })
    return dataset
  }

  #makeAttribute(path: string, attribute: FrameAttribute): Dataset {
    const make = attribute.type === "int" ? numbers.int : numbers.double
    const dataset = this.#column(path, attribute.name, make, 1)
    this.#label(dataset, attribute)
    return dataset
  }

  #label(dataset: Dataset, about: Pick<FrameAttribute, "name" | "description" | "source" | "from">): void {
    dataset.create_attribute("NDAttrName", about.name)
    dataset.create_attribute("NDAttrDescription", about.description)
    dataset.create_attribute("NDAttrSourceType", `NDAttrSource${about.source.replace(" ", "")}`)
    dataset.create_attribute("NDAttrSource", about.from)
  }

  #column(path: string, key: string, make: MakeNumbers, width: number): Dataset {
    const wide = width > 1
    const [group, name] = this.#within(path)
    const dataset = group.create_dataset({
      name,
      data: make([]),
      shape: wide ? [0, width] : [0],
      maxshape: wide ? [null, width] : [null],
      chunks: wide ? [rowsPerChunk, width] : [rowsPerChunk],
    })
    const rows = new Rows(this.#library, dataset, wide ? [width] : [])
    this.#columns.set(key, new Column(rows, make, width))
    return dataset
  }
}
