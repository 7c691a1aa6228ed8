import { type Clock, Status, systemClock } from "@ophyd-ts/core"
import type { DmClient } from "../client/index.ts"
import { DmError, DmTransferError } from "../errors.ts"
import { sleep } from "../time.ts"
import { poll } from "../utils/poll.ts"
import { type DmTaskInfo, type DmTransfer, isUploadEnded } from "../wire/index.ts"
import { type ProbeSource, probeSource } from "./source.ts"
import { type SubmitUploadOptions, submitUpload } from "./submit-upload.ts"
import { type FailedFile, failedFiles, type TransferProgress, transferProgress } from "./transfer-progress.ts"
import { type UploadDescription, uploadRequest } from "./upload-request.ts"

export interface WatchUploadOptions {
  /** Seconds between questions, default 5. */
  period?: number | undefined
  /** Seconds for all of it; default no limit. */
  timeout?: number | undefined
  /** How often files that failed are uploaded again; default 3. */
  retries?: number | undefined
  /** Seconds before the first repetition, default 2; doubles each time, up to a minute. */
  pause?: number | undefined
  signal?: AbortSignal | undefined
  clock?: Clock | undefined
  /** Looks at the source for its size; default on this machine. */
  probe?: ProbeSource | undefined
  /** Hears at once that DM is away; it is asked again. */
  onAway?: ((error: DmError) => void) | undefined
}

export interface StartUploadOptions
  extends UploadDescription,
    WatchUploadOptions,
    Pick<SubmitUploadOptions, "tag"> {}

type Uploads = Pick<DmClient, "daq">

/** Asked for again: this many at a time. */
const atOnce = 4
const longestPause = 60

/** Starts an upload. Resolves as soon as DM has given its id; what comes of it is told by `status`. */
export async function startUpload(dm: Uploads, options: StartUploadOptions): Promise<UploadRun> {
  const { tag, onAway, clock, signal } = options
  const request = uploadRequest(options)
  const transfer = await submitUpload(dm, request, { tag, onAway, clock, signal })
  const { experiment: experimentName, dataDirectory, daqInfo } = request
  return new UploadRun(dm, { ...transfer, experimentName, dataDirectory }, daqInfo, options)
}

/**
 * Takes up the watch of an upload by its id, for example of one that another program started.
 * @throws ObjectNotFound, CommunicationError
 */
export async function watchUpload(
  dm: Uploads,
  id: string,
  options: WatchUploadOptions = {},
): Promise<UploadRun> {
  const transfer = await dm.daq.getUploadInfo(id, { signal: options.signal })
  const { destDirectory, useAnalysisDirectoryAsRoot } = transfer
  const taskInfo = {
    ...(destDirectory === undefined ? {} : { destDirectory }),
    ...(typeof useAnalysisDirectoryAsRoot === "boolean" ? { useAnalysisDirectoryAsRoot } : {}),
  }
  return new UploadRun(dm, { ...transfer, id }, taskInfo, options)
}

/**
 * One upload, from its id to its end. Files that fail are uploaded again after growing pauses. `status` is a Status
 * with progress in files: it is finished when every file is stored, and fails with a DmTransferError that names those
 * which are not.
 */
export class UploadRun {
  /** Of the upload; those of repeated files are in `ids`, too. */
  readonly id: string
  readonly ids: string[]
  readonly status: Status<DmTransfer>
  readonly #dm: Uploads
  readonly #taskInfo: DmTaskInfo
  readonly #options: WatchUploadOptions
  readonly #clock: Clock
  readonly #listeners = new Set<(progress: TransferProgress) => void>()
  #bytes: number | null = null
  #away: DmError | null = null
  #transfer: DmTransfer
  /** Failed so far; a file leaves when a repetition stores it. */
  #failed: FailedFile[] = []

  /** Use `startUpload` or `watchUpload`. */
  constructor(dm: Uploads, transfer: DmTransfer, taskInfo: DmTaskInfo, options: WatchUploadOptions) {
    this.#dm = dm
    this.id = transfer.id
    this.ids = [transfer.id]
    this.#transfer = transfer
    this.#taskInfo = taskInfo
    this.#options = options
    this.#clock = options.clock ?? systemClock
    const { timeout, signal, clock } = options
    const what = { name: `DM upload ${transfer.id}`, action: "store files", timeout, signal, clock }
    this.status = Status.run(what, work => {
      this.#listeners.add(({ fraction, files }) =>
        work.progress({ current: files.done, initial: 0, target: files.total, unit: "files", fraction }),
      )
      return this.#run(work.signal)
    })
  }

  /** As DM said last. */
  get transfer(): DmTransfer {
    return this.#transfer
  }

  /** Why nothing is heard of the upload; null while DM answers. */
  get away(): DmError | null {
    return this.#away
  }

  /** Says so when the upload has ended and there was nothing to upload: DM takes that for a success. */
  get warning(): string {
    const { status, files } = this.progress
    if (status !== "done" || files.total > 0 || this.#transfer.countFiles !== 0) return ""
    return `DM upload ${this.id} has found no file in ${this.#transfer.dataDirectory}: does DM's machine see it?`
  }

  /** How far it is; files that were stored at a repetition count as done. */
  get progress(): TransferProgress {
    const progress = transferProgress(this.#transfer, this.#bytes)
    if (!isUploadEnded(progress.status)) return progress
    const { total, failed } = progress.files
    const still = this.#failed.length
    const files = { total, failed: still, done: progress.files.done + Math.max(failed - still, 0) }
    const good = total === 0 ? progress.fraction : files.done / total
    const bytes =
      progress.bytes === null ? null : { ...progress.bytes, done: Math.round(progress.bytes.total * good) }
    return { ...progress, files, bytes, errors: this.#failed }
  }

  async #run(signal: AbortSignal): Promise<DmTransfer> {
    const { retries = 3, pause = 2, probe = probeSource } = this.#options
    const { dataDirectory, experimentFilePath } = this.#transfer
    if (dataDirectory !== undefined) {
      // The size is a help for people: the upload does not wait for it.
      void probe(dataDirectory, experimentFilePath).then(
        ({ bytes }) => {
          this.#bytes = bytes
        },
        () => {},
      )
    }
    const ended = await this.#follow(this.id, signal, transfer => {
      this.#transfer = transfer
      this.#failed = failedFiles(transfer)
      this.#tell()
    })
    const { nProcessingErrors = this.#failed.length } = ended
    const named = this.#failed.length > 0 && this.#failed.length >= nProcessingErrors
    if (ended.status !== "done" && nProcessingErrors === 0) throw this.#error(ended)
    // Without their names nothing can be done for single files.
    if (nProcessingErrors > 0 && !named) throw this.#error(ended)
    for (let attempt = 0; attempt < retries && this.#failed.length > 0; attempt += 1) {
      await sleep(this.#clock, Math.min(pause * 2 ** attempt, longestPause), signal)
      await this.#repeat(signal)
      this.#tell()
    }
    if (this.#failed.length > 0) throw this.#error(ended)
    return this.#transfer
  }

  /** Uploads each failed file once more, some at a time. */
  async #repeat(signal: AbortSignal): Promise<void> {
    const waiting = [...this.#failed]
    const still: FailedFile[] = []
    const work = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const message = await this.#again(next.file, signal)
        if (message !== null) still.push({ file: next.file, message })
      }
    }
    await Promise.all(Array.from({ length: atOnce }, work))
    this.#failed = still
  }

  /** Gives why the file failed again; null when it is stored. */
  async #again(file: string, signal: AbortSignal): Promise<string | null> {
    const { experimentName: experiment = "", dataDirectory = "" } = this.#transfer
    const { processingMode: _, ...taskInfo } = this.#taskInfo
    const daqInfo = { ...taskInfo, experimentFilePath: file }
    try {
      const { id } = await submitUpload(
        this.#dm,
        { experiment, dataDirectory, daqInfo },
        { signal, clock: this.#clock },
      )
      this.ids.push(id)
      const ended = await this.#follow(id, signal)
      const [error] = failedFiles(ended)
      return ended.status === "done" && error === undefined ? null : (error?.message ?? reasonOf(ended))
    } catch (error) {
      if (signal.aborted || !(error instanceof DmError)) throw error
      return error.message
    }
  }

  /** The upload when it has ended, whatever way. A service that is away is asked again. */
  #follow(
    id: string,
    signal: AbortSignal,
    see: (transfer: DmTransfer) => void = () => {},
  ): Promise<DmTransfer> {
    const { period = 5 } = this.#options
    const onAway = (error: DmError) => {
      this.#away = error.cause instanceof DmError ? error.cause : error
      this.#options.onAway?.(error)
    }
    return poll(
      () => `DM upload ${id}`,
      async pollSignal => {
        const transfer = await this.#dm.daq.getUploadInfo(id, { signal: pollSignal })
        this.#away = null
        see(transfer)
        return isUploadEnded(transfer.status ?? "") ? transfer : undefined
      },
      { period, timeout: Number.POSITIVE_INFINITY, onAway, signal, clock: this.#clock },
    )
  }

  #tell(): void {
    const { progress } = this
    for (const listener of this.#listeners) listener(progress)
  }

  #error(ended: DmTransfer): DmTransferError {
    const shown = this.#failed.slice(0, 5).map(({ file, message }) => `${file} (${message})`)
    const more = this.#failed.length > 5 ? ` and ${this.#failed.length - 5} more` : ""
    const why = shown.length === 0 ? reasonOf(ended) : `not stored: ${shown.join(", ")}${more}`
    return new DmTransferError(`DM upload ${this.id} ended as ${ended.status ?? "-n/a-"}: ${why}`, ended, {
      failed: this.#failed,
    })
  }
}

const reasonOf = ({ errorMessage, nProcessingErrors = 0 }: DmTransfer): string =>
  errorMessage ?? (nProcessingErrors > 0 ? `${nProcessingErrors} files failed` : "no reason given")
