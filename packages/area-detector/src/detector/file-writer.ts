import { type DataKeys, formatSeconds, type SignalR, Status, type StreamAsset, until } from "@ophyd-ts/core"
import type { AdDriver } from "../device/ad-driver.ts"
import type { NdArrayDevice } from "../device/nd-array.ts"
import { isPresent } from "../device/optional.ts"
import { AreaDetectorError, DroppedFramesError, FileWriteError } from "../errors.ts"
import type { PathInfo, PathProvider } from "../paths/provider.ts"
import type { FilePlugin } from "../plugins/file.ts"
import { checkCallbacks } from "./callbacks.ts"
import type { FileFormat } from "./file-format.ts"
import { checkLocation, setDirectory, setFileName } from "./file-location.ts"
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

/** What the writer knows of the plugin after an acquisition. */
interface Counts {
  readonly captured: number
  readonly dropped: number
  readonly capturing: boolean
  readonly failure: { readonly file: string; readonly message: string } | null
}

/** Writes the frames of a camera by one of its file plugins, in one file (or one set of files) for each run. */
export class FileWriter implements DataLogic {
  readonly #plugin: FilePlugin
  readonly #driver: AdDriver
  readonly #format: FileFormat
  readonly #options: FileWriterOptions
  readonly #stream = new StreamIndex()
  #context: DataContext | null = null
  /** What the provider said for the file that is open. */
  #info: PathInfo | null = null
  #run: string | null = null
  /** Frames in the file, and frames lost, as of the last acquisition. */
  #captured = 0
  #dropped = 0
  #flying = false
  #perEvent = 1
  /** Time stamp of a write error that was there before this file. */
  #oldError: number | null = null
  #announced: FrameShape | null = null
  #resources: ReadonlyMap<string, string> = new Map()

  constructor(plugin: FilePlugin, driver: AdDriver, format: FileFormat, options: FileWriterOptions) {
    this.#plugin = plugin
    this.#driver = driver
    this.#format = format
    this.#options = options
  }

  async open(context: DataContext): Promise<void> {
    this.#context = context
    this.#announced = null
    const { paths } = this.#options
    await this.#endCapture()
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

  async begin(info: FullTriggerInfo, { clean, flying }: AcquisitionStart): Promise<void> {
    const context = this.#use()
    const run = this.#options.paths.perRun?.run() ?? null
    if (this.#info === null || run !== this.#run) {
      await this.#endCapture()
      await this.#openFile(context)
      this.#run = run
    } else if (!clean) await this.#passOver()
    this.#stream.framesPerEvent(this.#plugin.name, info.collectionsPerEvent)
    this.#flying = flying
  }

  async finish(frames: number | null, healthy: Promise<void>): Promise<boolean> {
    const counts = await this.#counts()
    const expected = frames === null ? counts.captured : this.#captured + frames
    const complete = this.#isComplete(counts, expected)
    if (!complete) {
      await healthy
      await this.#waitFor(expected)
    }
    this.#captured = expected
    this.#stream.captured(expected)
    this.#flying = false
    return !complete
  }

  async index(): Promise<number> {
    if (this.#info === null) return 0
    if (this.#flying) this.#stream.captured(await this.#plugin.numCaptured.get())
    return this.#stream.events
  }

  newRun(): void {
    this.#resources = new Map()
  }

  progress(listener: (frames: number) => void): () => void {
    const before = this.#captured
    const subscription = this.#plugin.numCaptured.subscribe(({ value }) => listener(value - before))
    return () => subscription.unsubscribe()
  }

  guard(failed: (thrown: unknown) => void): () => void {
    return this.#onChange(async () => {
      this.#isComplete(await this.#counts(), Number.POSITIVE_INFINITY)
    }, failed)
  }

  async describe(): Promise<DataKeys> {
    const frame = await this.#frame()
    this.#announced = frame
    const { detector } = this.#use()
    const { source } = this.#plugin.fullFileName
    return this.#format.dataKeys(detector, frame, this.#perEvent, source)
  }

  async *assets(upTo: number): AsyncIterable<StreamAsset> {
    const ranges = this.#stream.take(upTo)
    if (ranges.length === 0) return
    await this.#format.flush(this.#plugin)
    if (this.#resources.size === 0) {
      const docs = await this.#resourceDocs()
      this.#resources = new Map(docs.map(doc => [doc.data_key, doc.uid]))
      for (const doc of docs) yield { kind: "stream_resource", doc: { ...doc } }
    }
    for (const uid of this.#resources.values()) {
      for (const indices of ranges) {
        const doc = { uid: globalThis.crypto.randomUUID(), stream_resource: uid, indices }
        yield { kind: "stream_datum", doc: { ...doc, descriptor: "", seq_nums: { start: 0, stop: 0 } } }
      }
    }
  }

  async close(): Promise<void> {
    if (this.#context === null) return
    this.#context = null
    this.#info = null
    this.#run = null
    await this.#endCapture()
  }

  async #openFile({ detector, settings }: DataContext): Promise<void> {
    const plugin = this.#plugin
    const info = await this.#options.paths({ detector, time: new Date() })
    checkLocation(plugin.name, info)
    await setDirectory(plugin, settings, info.directory, info.createLevels ?? 0)
    const { extension, manyFiles } = this.#format
    const lazy = this.#options.lazyOpen ?? true
    await Promise.all([
      setFileName(plugin, settings, info, extension, manyFiles),
      settings.write(plugin.fileWriteMode, "Stream"),
      settings.write(plugin.numCapture, 0),
      isPresent(plugin.lazyOpen) ? settings.write(plugin.lazyOpen, lazy) : this.#checkPrimed(),
      isPresent(plugin.lazyOpen) && !lazy ? this.#checkPrimed() : undefined,
      settings.write(plugin.enableCallbacks, true),
      this.#format.prepare(plugin, settings),
    ])
    await this.#startCapture(settings.timeout)
    this.#info = info
    this.#resources = new Map()
    this.#captured = 0
    this.#stream.restart()
  }

  async #startCapture(timeout: number): Promise<void> {
    const { capture, droppedArrays, writeStatus, name } = this.#plugin
    const before = isPresent(writeStatus) ? await writeStatus.reading() : null
    this.#oldError = before?.value === "Write error" ? before.timestamp : null
    // Its completion would come at the end of capturing.
    await capture.set(true, { completion: false, timeout })
    const captures = until(capture, true)
    // An error that is shown already is one of a file before.
    const fails = before?.value === "Write OK" ? until(writeStatus, "Write error") : captures
    try {
      await Promise.race([captures.wait({ timeout }), fails])
    } catch (cause) {
      throw new AreaDetectorError(
        "WRITE_FAILED",
        `${name}: does not begin to capture within ${formatSeconds(timeout)} (${capture.source})`,
        { cause },
      )
    } finally {
      fails.cancel()
      captures.cancel()
    }
    if (!captures.success) {
      const { file, message } = await this.#complaint()
      throw new FileWriteError(name, file, message)
    }
    this.#dropped = isPresent(droppedArrays) ? await droppedArrays.get() : 0
  }

  /** Ends what is under way, also what somebody else began. */
  async #endCapture(): Promise<void> {
    const { capture } = this.#plugin
    if (!(await capture.get())) return
    const timeout = this.#options.frameTimeout ?? 10
    // Its completion tells that the file is closed.
    await capture.set(false, { timeout, whenBusy: "queue" })
    await until(capture, false, { timeout })
  }

  /** Frames of an acquisition that was broken off stay in the file and belong to no event. */
  async #passOver(): Promise<void> {
    const { name } = this.#plugin
    const counts = await this.#counts()
    if (!counts.capturing || counts.captured < this.#captured) {
      throw new AreaDetectorError(
        "CAPTURE_ENDED",
        `${name}: no longer captures into the file of this run: somebody ended it, or the IOC was restarted`,
      )
    }
    this.#captured = counts.captured
    this.#dropped = counts.dropped
    this.#stream.skipTo(name, counts.captured)
  }

  /** A plugin without LazyOpen opens the file when capturing begins: then it has to know the size of a frame. */
  async #checkPrimed(): Promise<void> {
    const { name } = this.#plugin
    await frameShape(this.#plugin).catch(cause => {
      throw new AreaDetectorError("UNPRIMED", `${name}: has seen no frame yet: call prime() first`, { cause })
    })
  }

  async #counts(): Promise<Counts> {
    const { numCaptured, droppedArrays, writeStatus, capture } = this.#plugin
    const [captured, dropped, status, capturing] = await Promise.all([
      numCaptured.get(),
      isPresent(droppedArrays) ? droppedArrays.get() : this.#dropped,
      isPresent(writeStatus) ? writeStatus.reading() : null,
      capture.get(),
    ])
    const failed = status?.value === "Write error" && status.timestamp !== this.#oldError
    return { captured, dropped, capturing, failure: failed ? await this.#complaint() : null }
  }

  /** True when all frames are there, false when some may still come; throws when they never will. */
  #isComplete({ captured, dropped, capturing, failure }: Counts, expected: number): boolean {
    const { name } = this.#plugin
    if (failure !== null) throw new FileWriteError(name, failure.file, failure.message)
    if (dropped > this.#dropped) {
      const lost = dropped - this.#dropped
      this.#dropped = dropped
      throw new DroppedFramesError(name, lost)
    }
    if (!capturing) {
      throw new AreaDetectorError(
        "CAPTURE_ENDED",
        `${name}: stopped capturing after ${captured} frames; ${expected} were expected: somebody ended it, or the IOC was restarted`,
      )
    }
    if (captured > expected) {
      throw new AreaDetectorError(
        "WRONG_FRAME_COUNT",
        `${name}: captured ${captured} frames where ${expected} were expected: somebody else triggers the camera`,
      )
    }
    return captured === expected
  }

  async #waitFor(expected: number): Promise<void> {
    await checkCallbacks(this.#plugin, this.#driver)
    const timeout = this.#options.frameTimeout ?? 10
    const { name } = this.#plugin
    let failure: unknown = null
    let stop = () => {}
    const complete = new Status<void>({ timeout }, action => {
      const end = this.#onChange(
        async () => {
          if (!this.#isComplete(await this.#counts(), expected)) return
          stop()
          action.finish()
        },
        thrown => {
          failure = thrown
          action.fail(thrown)
        },
      )
      action.onCancel(end)
      stop = end
    })
    try {
      await complete
    } catch (cause) {
      if (failure !== null) throw failure
      const { captured } = await this.#counts()
      throw new AreaDetectorError(
        "WRONG_FRAME_COUNT",
        `${name}: captured ${captured} of ${expected} frames within ${formatSeconds(timeout)} after the acquisition`,
        { cause },
      )
    } finally {
      stop()
    }
  }

  /** Looks now and whenever one of the plugin's counters changes, one look at a time; ends when a look throws. */
  #onChange(look: () => Promise<void>, failed: (thrown: unknown) => void): () => void {
    const { numCaptured, droppedArrays, writeStatus, capture } = this.#plugin
    let state: "idle" | "looking" | "changed" | "over" = "idle"
    const changed = () => {
      if (state === "idle") {
        state = "looking"
        look().then(
          () => {
            const again = state === "changed"
            if (state !== "over") state = "idle"
            if (again) changed()
          },
          thrown => {
            if (state === "over") return
            end()
            failed(thrown)
          },
        )
      } else if (state === "looking") state = "changed"
    }
    const watched = [numCaptured, writeStatus, capture, droppedArrays].filter(isPresent) as SignalR<unknown>[]
    const subscriptions = watched.map(signal => signal.subscribe(changed))
    const end = () => {
      state = "over"
      for (const subscription of subscriptions) subscription.unsubscribe()
    }
    return end
  }

  async #complaint(): Promise<{ file: string; message: string }> {
    const { writeMessage, fullFileName } = this.#plugin
    const [message, file] = await Promise.all([
      isPresent(writeMessage) ? writeMessage.get() : "",
      fullFileName.get(),
    ])
    return { file, message }
  }

  /** The plugin's own last frame when it belongs to this file; before that, what its source gives out. */
  async #frame(): Promise<FrameShape> {
    if (this.#captured > 0 || (await this.#plugin.numCaptured.get()) > 0)
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
