/** The plugin `HDF1:`, which writes images to HDF5 files. */
import { readFileSync } from "node:fs"
import { rename } from "node:fs/promises"
import { compressions, fileFields, hdf5Fields } from "../fields/file.ts"
import { pluginFields } from "../fields/plugin.ts"
import type { DataType, Frame } from "../frame.ts"
import { defaultLayout } from "../hdf5/layout.ts"
import { LayoutError, readLayout } from "../hdf5/layout-xml.ts"
import type { FileLayout } from "../hdf5/messages.ts"
import { Hdf5Writer } from "../hdf5/writer.ts"
import { FilePlugin, InvalidFrame, WriteRefused } from "./file.ts"
import type { PluginParts } from "./plugin.ts"

const table = {
  ...pluginFields({ port: "FileHDF1", type: "NDFileHDF5", arrayCallbacks: false }),
  ...fileFields("HDF5", "%s%s_%6.6d.h5"),
  ...hdf5Fields,
}

/** Compressions that this plugin can do. */
const available: readonly (typeof compressions)[number][] = ["None", "zlib"]

export class Hdf5Plugin extends FilePlugin<typeof table> {
  protected readonly supportsMultiple = true
  readonly #writer = new Hdf5Writer()
  #shape: readonly number[] = []
  #type: DataType | undefined
  #tree = defaultLayout
  #unflushed = 0
  #begun = 0
  #bytes = 0

  constructor(parts: PluginParts) {
    super(parts, table)
    this.parameters.onWrite({
      // A genuine plugin has nothing to load. Here images would fill the queue meanwhile.
      EnableCallbacks: value => void (value === 1 && this.prepare()),
      XMLFileName: name => this.#readLayout(name),
      FlushNow: value =>
        value === 0
          ? undefined
          : this.inTurn(async () => {
              if (this.isOpen) await this.#flush()
              this.parameters.done("FlushNow")
            }),
    })
  }

  override async close(): Promise<void> {
    await super.close()
    await this.#writer.end()
  }

  /** The name of a layout file, or its text; nothing for the default layout. */
  #readLayout(name: string): void {
    const p = this.parameters
    try {
      this.#tree = name === "" ? defaultLayout : readLayout(isXml(name) ? name : readFileSync(name, "utf8"))
      p.post({ XMLValid: 1, XMLErrorMsg: "" })
    } catch (error) {
      const reason = error instanceof LayoutError ? error.message : "XML description file cannot be opened"
      p.post({ XMLValid: 0, XMLErrorMsg: reason })
    }
  }

  protected override prepare(): Promise<void> {
    return this.#writer.prepare().catch(() => {}) // Opening a file will fail as well, and tell.
  }

  protected override checkSettings(): void {
    if (this.parameters.get("XMLValid") === 0)
      throw new WriteRefused(`ERROR: the layout is not valid: ${this.parameters.get("XMLErrorMsg")}`)
    const compression = compressions[this.parameters.get("Compression")] ?? "None"
    if (!available.includes(compression))
      throw new WriteRefused(`ERROR: this simulation cannot compress with ${compression}, only with zlib`)
  }

  protected override async openFile(path: string, first: Frame): Promise<void> {
    const p = this.parameters
    const layout = this.#layout(first)
    await this.#writer.open(path, first.data, layout)
    this.#shape = layout.shape
    this.#type = first.dataType
    this.#unflushed = 0
    this.#bytes = 0
    this.#begun = this.clock.now()
    p.post({ SWMRActive: layout.swmr ? 1 : 0, SWMRCbCounter: 0 })
  }

  protected override async writeFrame(frame: Frame): Promise<void> {
    const isLikeFirst = shapeOf(frame).join() === this.#shape.join() && frame.dataType === this.#type
    if (!isLikeFirst) throw new InvalidFrame("Invalid frame. Ignoring.")
    await this.#writer.write(frame)
    this.#bytes += frame.data.byteLength
    this.#unflushed++
    const every = this.parameters.get("NumFramesFlush")
    if (every > 0 && this.#unflushed >= every) await this.#flush()
  }

  protected override async closeFile(): Promise<void> {
    await this.#writer.close()
    const seconds = this.clock.now() - this.#begun
    const megabits = (this.#bytes * 8) / 1e6
    this.parameters.post({ SWMRActive: 0, RunTime: seconds, IOSpeed: seconds > 0 ? megabits / seconds : 0 })
  }

  protected override rename(from: string, to: string): Promise<void> {
    return rename(from, to)
  }

  protected override diskFull(): Promise<void> {
    return this.#writer.lose()
  }

  async #flush(): Promise<void> {
    await this.#writer.flush()
    this.#unflushed = 0
    const p = this.parameters
    if (p.get("SWMRActive") === 1) p.set("SWMRCbCounter", p.get("SWMRCbCounter") + 1)
  }

  #layout(first: Frame): FileLayout {
    const p = this.parameters
    const shape = shapeOf(first)
    const [columns = 1, rows = 1] = [shape.at(-1), shape.at(-2)]
    const size = (wanted: number, full: number): number => (wanted > 0 && wanted < full ? wanted : full)
    const automatic = p.get("ChunkSizeAuto") === 1
    const chunks = automatic
      ? [Math.max(1, p.get("NumFramesChunks")), ...shape]
      : [
          Math.max(1, p.get("NumFramesChunks")),
          ...shape.slice(0, -2),
          size(p.get("NumRowChunks"), rows),
          size(p.get("NumColChunks"), columns),
        ]
    return {
      tree: this.#tree,
      shape,
      chunks,
      ...(compressions[p.get("Compression")] === "zlib" && { zlib: p.get("ZLevel") }),
      attributes: p.get("StoreAttr") === 1 ? first.attributes : [],
      performance: p.get("StorePerform") === 1,
      swmr: p.get("SWMRMode") === 1,
    }
  }
}

const isXml = (text: string): boolean => text.trimStart().startsWith("<")

/** Sizes of an image, the one that varies slowest first. */
const shapeOf = ({ dimensions }: Frame): number[] => dimensions.map(dimension => dimension.size).reverse()
