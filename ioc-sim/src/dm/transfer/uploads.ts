import { stat } from "node:fs/promises"
import { join } from "node:path"
import { insidePath } from "../catalog/files.ts"
import { checkRoom, type Doc, fitsQuery, optionalTextIn } from "../documents.ts"
import { DmRefusal } from "../errors.ts"
import type { DmUser } from "../sessions.ts"
import { type Task, TaskCancelled, type TaskHandle } from "../time/tasks.ts"
import { fileFilter } from "./filters.ts"
import { listFiles, type SourceFile, sourceDirectory } from "./source.ts"
import { Transfer, type TransferContext } from "./transfer.ts"

interface Upload {
  readonly transfer: Transfer
  readonly task: TaskHandle
}

const maxUploads = 10_000

/** One-off copies of a directory, or of one file of it (`experimentFilePath`). */
export class Uploads {
  readonly #context: TransferContext
  readonly #uploads = new Map<string, Upload>()

  constructor(context: TransferContext) {
    this.#context = context
  }

  /** @throws DmRefusal ObjectNotFound (experiment, workflow), InvalidRequest (directory) */
  start(experimentName: unknown, dataDirectory: string, options: Readonly<Doc>, user: DmUser): Doc {
    const experiment = this.#context.experiments.byName(experimentName, undefined, user)
    checkRoom(this.#uploads.size, maxUploads, "uploads")
    const source = sourceDirectory(dataDirectory)
    const mode = optionalTextIn(options, "processingMode", "taskInfo") ?? "files"
    if (mode !== "files" && mode !== "directory") {
      throw new DmRefusal("InvalidRequest", `taskInfo: processingMode is "${mode}", not files or directory`)
    }
    const single = optionalTextIn(options, "experimentFilePath", "taskInfo")
    const file = single === undefined ? undefined : insidePath(single, "experimentFilePath")
    const keep = fileFilter(options)
    const transfer = new Transfer(this.#context, { experiment, dataDirectory, source, options, user })
    const task = this.#context.tasks.spawn(t => this.#run(t, transfer, mode, file, keep))
    this.#uploads.set(String(transfer.info.id), { transfer, task })
    return transfer.info
  }

  list(): Doc[] {
    return [...this.#uploads.values()].map(upload => upload.transfer.info)
  }

  /** @throws DmRefusal ObjectNotFound */
  get(id: unknown): Doc {
    return this.#get(id).transfer.info
  }

  /** @throws DmRefusal ObjectNotFound, InvalidObjectState */
  stop(id: unknown): Doc {
    const { transfer, task } = this.#get(id)
    if (transfer.info.endTime !== undefined) {
      throw new DmRefusal("InvalidObjectState", `upload ${id} has ended: ${transfer.info.status}`)
    }
    transfer.info.status = "aborting"
    task.cancel()
    return { ...transfer.info }
  }

  /** Forgets an ended upload. @throws DmRefusal ObjectNotFound, InvalidObjectState */
  clear(id: unknown): Doc {
    const { info } = this.#get(id).transfer
    if (info.endTime === undefined) {
      throw new DmRefusal("InvalidObjectState", `upload ${id} is ${info.status}; stop it first`)
    }
    this.#uploads.delete(String(id))
    return info
  }

  /** Ended uploads. */
  records(query: unknown): Doc[] {
    return this.list().filter(info => info.endTime !== undefined && fitsQuery(info, query))
  }

  async #run(
    task: Task,
    transfer: Transfer,
    mode: "files" | "directory",
    single: string | undefined,
    keep: (path: string) => boolean,
  ): Promise<void> {
    const { info } = transfer
    try {
      await task.sleep(this.#context.pollSeconds / 2)
      info.status = "running"
      const files =
        single === undefined ? await listFiles(transfer.source) : await oneFile(transfer.source, single)
      const wanted = single === undefined ? files.filter(file => keep(file.path)) : files
      // One transfer of a directory has no waiting files to show: it counts what it has done.
      if (mode === "files") transfer.announce(wanted.length)
      for (const file of wanted) {
        if (mode === "directory") transfer.announce(1)
        await transfer.process(task, file)
      }
      const errors = Number(info.nProcessingErrors)
      if (errors > 0) transfer.end("failed", `${errors} of ${wanted.length} files could not be processed`)
      else transfer.end("done")
    } catch (error) {
      if (!(error instanceof TaskCancelled) && !(error instanceof DmRefusal)) throw error
      if (error instanceof DmRefusal) transfer.end("failed", error.message)
      else transfer.end("aborted")
    }
  }

  #get(id: unknown): Upload {
    const upload = this.#uploads.get(String(id))
    if (upload === undefined) throw new DmRefusal("ObjectNotFound", `upload ${id} does not exist`)
    return upload
  }
}

async function oneFile(root: string, path: string): Promise<SourceFile[]> {
  const found = await stat(join(root, path)).catch(() => undefined)
  if (found?.isFile() !== true) {
    throw new DmRefusal("FileProcessingError", `file ${path} does not exist in ${root}`)
  }
  return [{ path, size: found.size, mtimeMs: found.mtimeMs }]
}
