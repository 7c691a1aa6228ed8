import type { DataKeys, MaybePromise, StreamAsset } from "@ophyd-ts/core"
import type { AdDriver } from "../device/ad-driver.ts"
import type { NdArrayDevice } from "../device/nd-array.ts"
import { isPresent } from "../device/optional.ts"
import { AreaDetectorError } from "../errors.ts"
import type { PathInfo, PathProvider } from "../paths/provider.ts"
import type { FilePlugin } from "../plugins/file.ts"
import { Capture } from "./capture.ts"
import type { FileFormat } from "./file-format.ts"
import { checkLocation, numberFiles, setDirectory, setFileName } from "./file-location.ts"
import { comingShape, type FrameShape, frameShape } from "./frame-shape.ts"
import type { AcquisitionStart, DataContext, DataLogic } from "./logic.ts"
import { StreamIndex } from "./stream-index.ts"
import type { FullTriggerInfo } from "./trigger-info.ts"

export interface FileWriterOptions {
  readonly paths: PathProvider
  /** What else can give frames to the plugin, to know their shape before the first one. */
  readonly sources?: readonly NdArrayDevice[] | undefined
  /** Opens the file at the first frame; default true. False needs a plugin that has seen a frame. */
  readonly lazyOpen?: boolean | undefined
  /** Seconds that the plugin may take for the frames of an acquisition after its end; default 10. */
  readonly frameTimeout?: number | undefined
}

/** Writes the frames of a camera by one of its file plugins, in one file (or one set of files) for each run. */
export class FileWriter implements DataLogic {
  readonly #plugin: FilePlugin
  readonly #driver: AdDriver
  readonly #format: FileFormat
  readonly #options: FileWriterOptions
  readonly #stream = new StreamIndex()
  readonly #capture: Capture
  #context: DataContext | null = null
  /** What the provider said for the file that is open. */
  #info: PathInfo | null = null
  #run: string | null = null
  #flying = false
  #perEvent = 1
  #announced: FrameShape | null = null
  #resources: ReadonlyMap<string, string> = new Map()

  constructor(plugin: FilePlugin, driver: AdDriver, format: FileFormat, options: FileWriterOptions) {
    this.#plugin = plugin
    this.#driver = driver
    this.#format = format
    this.#options = options
    this.#capture = new Capture(plugin, driver, options.frameTimeout ?? 10)
  }

  async open(context: DataContext): Promise<void> {
    this.#context = context
    this.#announced = null
    const { paths } = this.#options
    await this.#capture.end()
    if (paths.perRun === undefined) {
      await this.#openFile(context)
      return
    }
    // Where exactly is known when a run begins; that there is a disk is known now.
    await setDirectory(this.#plugin, context.settings, paths.perRun.root, 0)
    this.#info = null
  }

  prepare(info: FullTriggerInfo): void {
    this.#perEvent = info.collectionsPerEvent
  }

  begin(info: FullTriggerInfo, about: AcquisitionStart): MaybePromise<void> {
    const run = this.#options.paths.perRun?.run() ?? null
    if (this.#info !== null && run === this.#run && about.clean) return this.#expect(info, about)
    return this.#goOn(run).then(() => this.#expect(info, about))
  }

  /** With the file of this run, be it open already or not, and after whatever happened to the last acquisition. */
  async #goOn(run: string | null): Promise<void> {
    const context = this.#use()
    if (this.#info === null || run !== this.#run) {
      await (this.#info === null ? this.#capture.end() : this.#capture.close())
      await this.#openFile(context)
      this.#run = run
    } else {
      await this.#capture.passOver()
      const { captured } = this.#capture
      this.#stream.skipTo(this.#plugin.name, captured)
      // A file that could not be written has taken a number, too, and readers find frames by theirs.
      if (this.#format.manyFiles) await numberFiles(this.#plugin, context.settings, captured)
    }
  }

  #expect(info: FullTriggerInfo, { flying }: AcquisitionStart): void {
    // A point whose frames were not read is taken anew, as after a pause: the event is to have the newest ones.
    if (!flying) this.#stream.passOver()
    this.#stream.framesPerEvent(this.#plugin.name, info.collectionsPerEvent)
    this.#flying = flying
  }

  async finish(frames: number | null, healthy: Promise<void>): Promise<boolean> {
    const waited = await this.#capture.take(frames, healthy)
    this.#stream.captured(this.#capture.captured)
    this.#flying = false
    return waited
  }

  breakOff(): void {
    this.#capture.breakOff()
  }

  async index(): Promise<number> {
    if (this.#info === null) return 0
    if (this.#flying) this.#stream.captured(await this.#plugin.numCaptured.get())
    return this.#stream.events
  }

  progress(listener: (frames: number) => void): () => void {
    const before = this.#capture.captured
    const subscription = this.#plugin.numCaptured.subscribe(({ value }) => listener(value - before))
    return () => subscription.unsubscribe()
  }

  guard(failed: (thrown: unknown) => void): () => void {
    return this.#capture.guard(failed)
  }

  async describe(): Promise<DataKeys> {
    const frame = await this.#frame()
    this.#announced = frame
    const { detector } = this.#use()
    const { source } = this.#plugin.fullFileName
    return this.#format.dataKeys(detector, frame, this.#perEvent, source)
  }

  async *assets(upTo: number): AsyncIterable<StreamAsset> {
    if (!this.#stream.has(upTo)) return
    await this.#format.flush(this.#plugin)
    if (this.#resources.size === 0) {
      const docs = await this.#resourceDocs()
      this.#resources = new Map(docs.map(doc => [doc.data_key, doc.uid]))
      for (const doc of docs) yield { kind: "stream_resource", doc: { ...doc } }
    }
    // Not before: what cannot be announced now is announced when somebody asks again.
    const ranges = this.#stream.take(upTo)
    for (const uid of this.#resources.values()) {
      for (const indices of ranges) {
        const doc = { uid: globalThis.crypto.randomUUID(), stream_resource: uid, indices }
        yield { kind: "stream_datum", doc: { ...doc, descriptor: "", seq_nums: { start: 0, stop: 0 } } }
      }
    }
  }

  async close(): Promise<void> {
    if (this.#context === null) return
    const open = this.#info !== null
    this.#context = null
    this.#info = null
    this.#run = null
    await (open ? this.#capture.close() : this.#capture.end())
  }

  async #openFile({ detector, settings }: DataContext): Promise<void> {
    const plugin = this.#plugin
    const { extension, manyFiles } = this.#format
    const given = await this.#options.paths({ detector, time: new Date() })
    // The number in a file's name is that of its frame: then it cannot keep two sets of files apart.
    const info = manyFiles && given.numbered === true ? withUniqueName(given) : given
    checkLocation(plugin.name, info)
    await setDirectory(plugin, settings, info.directory, info.createLevels ?? 0)
    const lazy = this.#options.lazyOpen ?? true
    await Promise.all([
      setFileName(plugin, settings, info, extension, manyFiles),
      settings.write(plugin.fileWriteMode, "Stream"),
      settings.write(plugin.numCapture, 0),
      isPresent(plugin.lazyOpen) ? settings.write(plugin.lazyOpen, lazy) : undefined,
      isPresent(plugin.lazyOpen) && lazy ? undefined : this.#checkPrimed(),
      settings.write(plugin.enableCallbacks, true),
      // Some versions begin with 0.1 s, and pass over what comes faster.
      isPresent(plugin.minCallbackTime) ? settings.write(plugin.minCallbackTime, 0) : undefined,
      this.#format.prepare(plugin, settings),
    ])
    await this.#capture.start()
    this.#info = info
    this.#resources = new Map()
    this.#stream.restart()
  }

  /** A plugin without LazyOpen opens the file when capturing begins: then it has to know the size of a frame. */
  async #checkPrimed(): Promise<void> {
    const { name } = this.#plugin
    await frameShape(this.#plugin).catch(cause => {
      throw new AreaDetectorError("UNPRIMED", `${name}: has seen no frame yet: call prime() first`, { cause })
    })
  }

  /** The plugin's own last frame when it belongs to this file; before that, what its source gives out. */
  async #frame(): Promise<FrameShape> {
    if (this.#capture.captured > 0 || (await this.#plugin.numCaptured.get()) > 0)
      return await frameShape(this.#plugin)
    const port = await this.#plugin.ndArrayPort.get()
    const sources = this.#options.sources ?? []
    const ports = await Promise.all(sources.map(source => source.portName.get()))
    const source = sources[ports.indexOf(port)]
    return await (source === undefined ? comingShape(this.#driver) : frameShape(source))
  }

  async #resourceDocs(): Promise<ReturnType<FileFormat["resources"]>> {
    const { detector } = this.#use()
    const [fullName, frame] = await Promise.all([this.#plugin.fullFileName.get(), frameShape(this.#plugin)])
    const said = this.#announced
    if (said !== null && (said.dtype !== frame.dtype || said.shape.join() !== frame.shape.join())) {
      const text = (f: FrameShape) => `${f.shape.join(" × ")} of ${f.dtype}`
      throw new AreaDetectorError(
        "UNKNOWN_SHAPE",
        `${this.#plugin.name}: frames are ${text(frame)}, but the run was told ${text(said)}; take one frame with these settings before`,
      )
    }
    return await this.#format.resources(this.#plugin, detector, fullName, this.#info as PathInfo, frame)
  }

  #use(): DataContext {
    if (this.#context !== null) return this.#context
    throw new AreaDetectorError(
      "NOT_STAGED",
      `${this.#plugin.name}: no file is open: stage its detector first`,
    )
  }
}

const withUniqueName = (info: PathInfo): PathInfo => ({
  ...info,
  fileName: `${info.fileName}_${globalThis.crypto.randomUUID().slice(0, 8)}`,
  numbered: false,
})
