/**
 * What plugins that write files do: names, directories, the modes Single, Capture and Stream, as ADCore's NDPluginFile
 * has it. Closing clears WriteStatus, so who wants to know of an error has to look before; an image that could not be
 * written is not counted and does not end capturing. Texts of WriteMessage are ADCore's with the reason added in
 * brackets; those for refusals that ADCore only logs are inferred.
 */

import type { WriterName } from "../faults.ts"
import type { fileFields } from "../fields/file.ts"
import { writeModes } from "../fields/file.ts"
import type { PluginFields } from "../fields/plugin.ts"
import { createDirectory, fileName, isDirectory, withSeparator } from "../files/paths.ts"
import type { Frame } from "../frame.ts"
import type { Parameters, ParameterTable } from "../parameters.ts"
import { Plugin, type PluginParts } from "./plugin.ts"

type FileTable = ParameterTable & PluginFields & ReturnType<typeof fileFields>
type FileParameters = Parameters<ReturnType<typeof fileFields>>

/** Images kept in mode Capture, at most. */
const mostCaptured = 100_000
/** What asyn calls an error. */
const asynError = 3

const noSpace = "no space left on device"

/** An image that does not fit those before it in the file. */
export class InvalidFrame extends Error {}

/** A refusal, to be shown as WriteMessage. */
export class WriteRefused extends Error {}

export abstract class FilePlugin<T extends FileTable> extends Plugin<T> {
  protected readonly file: FileParameters
  /** Operations on files one after another, whoever asks for them. */
  #last: Promise<unknown> = Promise.resolve()
  #open: { readonly path: string; readonly temporary: string } | undefined
  #captured: Frame[] = []
  #capturing = false
  /** The disk was full, so closing the file fails as well. */
  #full = false

  constructor(parts: PluginParts, table: T) {
    super(parts, table)
    this.file = this.parameters as unknown as FileParameters
    this.file.onWrite({
      FilePath: path => this.#setPath(path),
      Capture: value => this.#inTurn(() => (value === 0 ? this.#stop() : this.#start())),
      WriteFile: value => (value === 0 ? undefined : this.#inTurn(() => this.#writeFile())),
      ReadFile: () => this.file.done("ReadFile"),
      FreeCapture: () => {
        this.#captured = []
        this.file.set("NumCaptured", 0)
      },
    })
  }

  override async close(): Promise<void> {
    this.#capturing = false
    await Promise.all([super.close(), this.#inTurn(() => this.#closeFile())])
  }

  /** Whether a file holds more than one image. */
  protected abstract readonly supportsMultiple: boolean
  /** Makes a file. Rejects with the reason. */
  protected abstract openFile(path: string, first: Frame): Promise<void>
  /** Adds an image to the file. Rejects with the reason. */
  protected abstract writeFrame(frame: Frame): Promise<void>
  protected abstract closeFile(): Promise<void>
  /** Renames a file that was written under another name. */
  protected abstract rename(from: string, to: string): Promise<void>
  /** What has to be ready before images come. */
  protected async prepare(): Promise<void> {}
  /** Throws WriteRefused when the settings do not allow to capture. */
  protected checkSettings(): void {}

  /** Something in turn with what goes on with files. */
  protected inTurn(operation: () => Promise<void>): Promise<void> {
    return this.#inTurn(operation)
  }

  /** Shows an error, or that all is well. */
  protected report(message: string | undefined): void {
    this.file.post({ WriteStatus: message === undefined ? 0 : 1, WriteMessage: message ?? "" })
  }

  protected get isOpen(): boolean {
    return this.#open !== undefined
  }

  /** Only images that are saved are counted. */
  protected override counts(): boolean {
    const mode = this.#mode
    return mode === "Single" ? this.file.get("AutoSave") === 1 : this.#capturing
  }

  protected override handle(frame: Frame): Frame | Promise<Frame> {
    if (!this.counts()) return frame
    return this.#inTurn(() => this.#take(frame)).then(() => frame)
  }

  get #mode(): (typeof writeModes)[number] {
    return writeModes[this.file.get("FileWriteMode")] ?? "Single"
  }

  #inTurn(operation: () => Promise<void> | void): Promise<void> {
    const result = this.#last.then(operation)
    this.#last = result.catch(() => {})
    return this.#last as Promise<void>
  }

  #setPath(path: string): void {
    const full = withSeparator(path)
    const exists = isDirectory(full) || createDirectory(full, this.file.get("CreateDirectory"))
    this.file.post({ FilePath: full, FilePathExists: exists ? 1 : 0 })
  }

  async #take(frame: Frame): Promise<void> {
    if (this.#mode === "Single") {
      this.file.set("NumCaptured", 1)
      await this.#save([frame])
      return
    }
    // Somebody may have ended it while the image waited.
    if (!this.#capturing) return
    const wanted = this.file.get("NumCapture")
    if (this.#mode === "Capture") {
      this.#captured.push(frame)
      this.file.set("NumCaptured", this.#captured.length)
      if (this.#captured.length < wanted) return
      if (this.file.get("AutoSave") === 1) await this.#saveCaptured()
      return this.#ended()
    }
    const written = this.supportsMultiple ? await this.#stream(frame) : await this.#save([frame])
    if (!written) return
    this.file.set("NumCaptured", this.file.get("NumCaptured") + 1)
    if (wanted > 0 && this.file.get("NumCaptured") >= wanted) await this.#stop()
  }

  /** True when the image is in the file, which is opened for it if need be. */
  async #stream(frame: Frame): Promise<boolean> {
    if (this.#open === undefined && !(await this.#openFor(frame))) return false
    return this.#attempt("writing file", () => this.#room(frame))
  }

  async #start(): Promise<void> {
    const { file } = this
    if (this.#capturing) return
    const last = this.source.last
    const refused = this.#refusal(last)
    this.report(refused)
    if (refused !== undefined) return file.done("Capture")
    file.post({ FullFileName: "", NumCaptured: 0 })
    this.#captured = []
    await this.prepare()
    if (this.#mode === "Stream") {
      const lazy = file.get("LazyOpen") === 1
      if (lazy) file.set("WriteMessage", "Lazy Open...")
      else if (this.supportsMultiple && last !== undefined && !(await this.#openFor(last)))
        return file.done("Capture")
      file.set("WriteFile", 1)
    }
    this.#capturing = true
    file.set("Capture", 1)
  }

  #refusal(last: Frame | undefined): string | undefined {
    const { file } = this
    const mode = this.#mode
    if (mode === "Single") return "ERROR: capture not supported in Single mode"
    try {
      this.checkSettings()
    } catch (error) {
      if (error instanceof WriteRefused) return error.message
      throw error
    }
    const wanted = file.get("NumCapture")
    if (mode === "Capture" && (wanted < 1 || wanted > mostCaptured))
      return `ERROR: cannot allocate capture buffer for ${wanted} arrays`
    if (last !== undefined) return undefined
    if (mode === "Capture") return "ERROR: No arrays collected: cannot allocate capture buffer"
    return this.supportsMultiple && file.get("LazyOpen") === 0
      ? "ERROR, must collect an array to get dimensions first"
      : undefined
  }

  /** Ends capturing: the file, if any, is closed before the puts complete. */
  async #stop(): Promise<void> {
    await this.#closeFile()
    this.#ended()
  }

  #ended(): void {
    this.#capturing = false
    this.file.done("WriteFile")
    this.file.done("Capture")
  }

  /** WriteFile: what was captured, or the last image. */
  async #writeFile(): Promise<void> {
    const { file } = this
    file.set("WriteFile", 1)
    const last = this.source.last
    if (this.#mode === "Capture") {
      if (this.#captured.length === 0) this.report("ERROR, no capture buffer present")
      else await this.#saveCaptured()
    } else if (last === undefined) this.report("ERROR, no valid array to write")
    else await this.#save([last])
    file.done("WriteFile")
  }

  async #saveCaptured(): Promise<void> {
    await this.#save(this.#captured)
    this.#captured = []
    this.file.set("NumCaptured", 0)
  }

  /** Images into a file of their own, or each into one where a file holds just one. */
  async #save(frames: readonly Frame[]): Promise<boolean> {
    const groups = this.supportsMultiple ? [frames] : frames.map(frame => [frame])
    for (const group of groups) {
      if (group[0] === undefined || !(await this.#openFor(group[0]))) return false
      for (const frame of group) {
        if (await this.#attempt("writing file", () => this.#room(frame))) continue
        // ADCore leaves the message of the failure standing, and the file open; here it is closed.
        const message = this.file.get("WriteMessage")
        await this.#closeFile()
        this.report(message)
        return false
      }
      await this.#closeFile()
    }
    return true
  }

  async #room(frame: Frame): Promise<void> {
    if (this.faults.takeRoom(this.name as WriterName)) return this.writeFrame(frame)
    this.#full = true
    await this.diskFull()
    throw new Error(noSpace)
  }

  /** What a disk without room does to the file that is open. */
  protected async diskFull(): Promise<void> {}

  async #openFor(frame: Frame): Promise<boolean> {
    const { file } = this
    const path = fileName(
      file.get("FileTemplate"),
      file.get("FilePath"),
      file.get("FileName"),
      file.get("FileNumber"),
    )
    file.set("FullFileName", path)
    if (file.get("AutoIncrement") === 1) file.reset("FileNumber", file.get("FileNumber") + 1)
    const temporary = path + file.get("TempSuffix")
    const opened = await this.#attempt(`opening file ${path}`, async () => {
      if (!this.faults.mayWrite(this.name as WriterName)) throw new Error("permission denied")
      await this.openFile(temporary, frame)
    })
    if (opened) this.#open = { path, temporary }
    this.#full = false
    return opened
  }

  async #closeFile(): Promise<void> {
    const open = this.#open
    if (open === undefined) return
    this.#open = undefined
    await this.#attempt("closing file", async () => {
      await this.closeFile()
      if (open.temporary !== open.path) await this.rename(open.temporary, open.path)
      if (this.#full) throw new Error(noSpace)
    })
  }

  /** Shows how it went. */
  async #attempt(what: string, operation: () => Promise<void>): Promise<boolean> {
    try {
      await operation()
      this.report(undefined)
      return true
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.report(error instanceof InvalidFrame ? reason : `Error ${what}, status=${asynError} (${reason})`)
      return false
    }
  }
}
