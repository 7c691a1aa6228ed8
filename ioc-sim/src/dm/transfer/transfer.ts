import { copyFile, mkdir, rename, rm, utimes } from "node:fs/promises"
import { dirname, join } from "node:path"
import type { Clock } from "@ophyd-ts/core"
import { type FileCatalog, insidePath, md5Of } from "../catalog/files.ts"
import { type Doc, flagIn, isDoc, optionalTextIn } from "../documents.ts"
import { DmRefusal, messageOf } from "../errors.ts"
import { type Experiments, placesOf } from "../experiments.ts"
import type { DmUser } from "../sessions.ts"
import type { Task, Tasks } from "../time/tasks.ts"
import { timestampText } from "../time/texts.ts"
import type { SourceFile } from "./source.ts"

/** Starts a workflow for a stored file; DAQs and uploads know no more of jobs than this. */
export type StartWorkflow = (workflow: { owner: string; name: string }, args: Doc, user: DmUser) => unknown

/** What DAQs and uploads need of the rest of the service. */
export interface TransferContext {
  readonly experiments: Experiments
  readonly files: FileCatalog
  readonly tasks: Tasks
  readonly clock: Clock
  readonly timeZone: string
  /** Throws a refusal when the workflow does not exist. */
  readonly checkWorkflow: (workflow: { owner: string; name: string }) => void
  readonly startWorkflow: StartWorkflow
  readonly id: () => string
  /** s between two looks at a watched directory. */
  readonly pollSeconds: number
  /** s of simulated work per file. */
  readonly fileSeconds: number
  /** Throws when this attempt of a file is to fail. */
  readonly strikeFile: (path: string) => void
}

const maxErrorsKept = 100

/** Copying of one DAQ or upload into its experiment, with the counters that DM shows. */
export class Transfer {
  /** What DM answers for it. */
  readonly info: Doc
  readonly experiment: Doc
  readonly source: string
  readonly options: Readonly<Doc>
  /** It is to end: what is there is still taken. */
  stopping = false
  readonly #context: TransferContext
  readonly #user: DmUser
  readonly #workflow: { owner: string; name: string } | undefined
  #waiting = 0

  /** @throws DmRefusal before anything starts */
  constructor(context: TransferContext, request: TransferRequest) {
    const { experiment, options, user } = request
    const now = context.clock.time()
    this.#context = context
    this.#user = user
    this.experiment = experiment
    this.source = request.source
    this.options = options
    this.#workflow = workflowOf(options)
    if (this.#workflow !== undefined) context.checkWorkflow(this.#workflow)
    const directory = destination(experiment, options)
    this.info = {
      ...options,
      id: context.id(),
      experimentName: experiment.name,
      experimentStationName: experiment.stationName,
      dataDirectory: request.dataDirectory,
      status: "pending",
      countFiles: 0,
      nProcessedFiles: 0,
      nProcessingErrors: 0,
      nWaitingFiles: 0,
      percentageComplete: 0,
      processingErrors: {},
      startTime: now,
      startTimestamp: timestampText(now, context.timeZone),
      storageDirectory: directory,
      storageHost: experiment.storageHost,
      storageUrl: `depot://${experiment.storageHost}${directory}`,
      workflowJobOwner: optionalTextIn(options, "workflowJobOwner", "taskInfo") ?? user.username,
    }
  }

  /** Files that were found and are now to be copied. */
  announce(count: number): void {
    this.#waiting += count
    this.info.countFiles = Number(this.info.countFiles) + count
    this.#count()
  }

  /** Copies, catalogues and hands to the workflow one announced file. Trouble is counted, not thrown. */
  async process(task: Task, file: SourceFile): Promise<void> {
    try {
      task.signal.throwIfAborted()
      if (this.#context.fileSeconds > 0) await task.sleep(this.#context.fileSeconds)
      this.#context.strikeFile(file.path)
      await this.#store(file)
      this.info.nProcessedFiles = Number(this.info.nProcessedFiles) + 1
    } catch (error) {
      if (task.signal.aborted) throw error
      this.#fail(file.path, messageOf(error))
    } finally {
      this.#waiting--
      this.#count()
    }
  }

  end(status: string, errorMessage?: string): void {
    const now = this.#context.clock.time()
    Object.assign(this.info, {
      status,
      endTime: now,
      endTimestamp: timestampText(now, this.#context.timeZone),
      runTime: now - Number(this.info.startTime),
      ...(errorMessage === undefined ? {} : { errorMessage }),
    })
  }

  async #store(file: SourceFile): Promise<void> {
    const from = join(this.source, file.path)
    const to = join(String(this.info.storageDirectory), file.path)
    const { files } = this.#context
    const reuse = !flagIn(this.options, "reprocessFiles") && (await files.isStored(this.experiment, to, file))
    if (!reuse && !flagIn(this.options, "skipTransfer")) await copyWhole(from, to, file)
    if (!flagIn(this.options, "skipCatalog") && !flagIn(this.options, "skipTransfer")) {
      const md5Sum = flagIn(this.options, "skipChecksum") ? "" : await md5Of(to)
      if (md5Sum !== "" && md5Sum !== (await md5Of(from)))
        throw new Error(`${file.path} changed while it was copied`)
      await files.add(this.experiment, to, { md5Sum, sourcePath: from })
    }
    if (this.#workflow !== undefined) this.#start(this.#workflow, file.path, to)
    if (flagIn(this.options, "removeSourceFiles")) await rm(from)
  }

  #start(workflow: { owner: string; name: string }, experimentFilePath: string, filePath: string): void {
    const args = isDoc(this.options.workflowArgs) ? this.options.workflowArgs : {}
    const user = { ...this.#user, username: String(this.info.workflowJobOwner) }
    this.#context.startWorkflow(
      workflow,
      { ...args, experimentName: this.experiment.name, daqId: this.info.id, experimentFilePath, filePath },
      user,
    )
  }

  #fail(path: string, message: string): void {
    this.info.nProcessingErrors = Number(this.info.nProcessingErrors) + 1
    const errors = this.info.processingErrors as Doc
    if (Object.keys(errors).length < maxErrorsKept) errors[path] = message
  }

  #count(): void {
    const all = Number(this.info.countFiles)
    this.info.nWaitingFiles = this.#waiting
    this.info.percentageComplete = all === 0 ? 0 : Math.round((100 * (all - this.#waiting)) / all)
  }
}

export interface TransferRequest {
  readonly experiment: Doc
  readonly dataDirectory: string
  /** The directory on this machine. */
  readonly source: string
  /** `taskInfo` of the request. */
  readonly options: Readonly<Doc>
  readonly user: DmUser
}

/** A reader of the storage never sees half a file. */
async function copyWhole(from: string, to: string, file: SourceFile): Promise<void> {
  const part = `${to}.part`
  await mkdir(dirname(to), { recursive: true })
  try {
    await copyFile(from, part)
    await utimes(part, file.mtimeMs / 1000, file.mtimeMs / 1000)
    await rename(part, to)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
}

/** `destDirectory` counts from the data directory, or from the analysis directory where that is asked for. */
function destination(experiment: Doc, options: Readonly<Doc>): string {
  const places = placesOf(experiment)
  const root = flagIn(options, "useAnalysisDirectoryAsRoot") ? places.analysis : places.data
  return join(root, insidePath(optionalTextIn(options, "destDirectory", "taskInfo") ?? ".", "destDirectory"))
}

function workflowOf(options: Readonly<Doc>): { owner: string; name: string } | undefined {
  const name = optionalTextIn(options, "workflowName", "taskInfo")
  const owner = optionalTextIn(options, "workflowOwner", "taskInfo")
  if ((name === undefined) !== (owner === undefined)) {
    throw new DmRefusal("InvalidRequest", "taskInfo: workflowName and workflowOwner must come together")
  }
  return name === undefined || owner === undefined ? undefined : { name, owner }
}
