import type { AdDriver, FilePlugin, NdPlugin } from "@ophyd-ts/area-detector"
import { onPut, setMockValue } from "@ophyd-ts/core/testing"

/** What a mock detector must have so that it can be played. */
interface Playable {
  readonly cam: AdDriver
  readonly file: FilePlugin | null
  readonly plugins: { readonly children: ReadonlyMap<string, unknown> }
}

/** Plays the part of ADCore behind a mock detector: frames are counted, named, written to no file. */
export class MockCamera {
  /** Frames so far. */
  frames = 0
  /** Directories that exist. */
  readonly directories = new Set(["/data"])
  /** What happened, in order. */
  readonly log: string[] = []
  /** Frames that the file plugin loses of the next acquisition. */
  drop = 0
  /** The file plugin does not count its frames yet. */
  late = false
  /** Set, the next acquisition ends like this. */
  failure: { state: string; message: string } | null = null
  readonly #det: Playable

  constructor(det: Playable) {
    this.#det = det
    const { cam, file } = det
    setMockValue(cam.portName, "CAM")
    setMockValue(cam.detectorState, "Idle")
    setMockValue(cam.arraySizeX, 8)
    setMockValue(cam.arraySizeY, 6)
    setMockValue(cam.dataType, "UInt16")
    for (const plugin of this.#plugins()) {
      setMockValue(plugin.portName, plugin.prefix)
      setMockValue(plugin.ndArrayPort, "CAM")
    }
    onPut(cam.acquire, value => this.#acquire(value))
    onPut(cam.stopAcquire, () => this.#acquire(false))
    if (file !== null) {
      onPut(file.filePath, path => setMockValue(file.filePathExists, this.#exists(path)))
      onPut(file.capture, on => this.#capture(on, file))
    }
  }

  #plugins(): NdPlugin[] {
    const plugins = [...this.#det.plugins.children.values()] as NdPlugin[]
    return [...new Set(this.#det.file === null ? plugins : [this.#det.file, ...plugins])]
  }

  #exists(path: string): boolean {
    return this.directories.has(path.replace(/\/$/, ""))
  }

  #capture(on: boolean, file: FilePlugin): void {
    this.log.push(on ? "capture" : "end capture")
    if (!on) return
    setMockValue(file.numCaptured, 0)
    void Promise.all([file.filePath.get(), file.fileName.get()]).then(([path, name]) => {
      setMockValue(file.fullFileName, `${path}/${name}.h5`)
    })
  }

  async #acquire(on: boolean): Promise<void> {
    const { cam } = this.#det
    this.log.push(on ? "acquire" : "stop")
    if (!on) {
      setMockValue(cam.acquire, false)
      return
    }
    const n = await cam.numImages.get()
    for (let i = 0; i < n && this.failure === null; i++) await this.#frame()
    setMockValue(cam.detectorState, this.failure?.state ?? "Idle")
    setMockValue(cam.statusMessage, this.failure?.message ?? "")
    this.failure = null
    setMockValue(cam.acquire, false)
  }

  async #frame(): Promise<void> {
    this.frames++
    setMockValue(this.#det.cam.arrayCounter, this.frames)
    for (const plugin of this.#plugins()) await this.#give(plugin)
  }

  async #give(plugin: NdPlugin): Promise<void> {
    const { file } = this.#det
    if (plugin === file && this.drop > 0) {
      this.drop--
      setMockValue(plugin.droppedArrays, (await plugin.droppedArrays.get()) + 1)
      return
    }
    setMockValue(plugin.uniqueId, this.frames)
    setMockValue(plugin.arrayCounter, (await plugin.arrayCounter.get()) + 1)
    setMockValue(plugin.nDimensions, 2)
    setMockValue(plugin.arraySize0, 8)
    setMockValue(plugin.arraySize1, 6)
    setMockValue(plugin.dataType, "UInt16")
    if (plugin === file && !this.late && (await file.capture.get()))
      setMockValue(file.numCaptured, (await file.numCaptured.get()) + 1)
  }
}
