import { checkRoom, type Doc, optionalTextIn } from "../documents.ts"
import { DmRefusal } from "../errors.ts"
import type { DmUser } from "../sessions.ts"
import type { Task } from "../time/tasks.ts"
import { sourceDirectory } from "./source.ts"
import { Transfer, type TransferContext } from "./transfer.ts"
import type { Uploads } from "./uploads.ts"
import { Watch } from "./watch.ts"

const maxDaqs = 1_000

/** Watched directories: new files are copied to the experiment's storage, catalogued, and may start a workflow. */
export class Daqs {
  readonly #context: TransferContext
  readonly #uploads: Uploads
  readonly #daqs = new Map<string, Transfer>()

  constructor(context: TransferContext, uploads: Uploads) {
    this.#context = context
    this.#uploads = uploads
  }

  /**
   * Resolves when the directory is being watched: what appears from now on is taken.
   * @throws DmRefusal ObjectNotFound (experiment, workflow), InvalidRequest (directory, already active)
   */
  async start(
    experimentName: unknown,
    dataDirectory: string,
    options: Readonly<Doc>,
    user: DmUser,
  ): Promise<Doc> {
    const experiment = this.#context.experiments.byName(experimentName, undefined, user)
    if (this.#running(experimentName, dataDirectory) !== undefined) {
      throw new DmRefusal(
        "InvalidRequest",
        `a DAQ of ${experimentName} for ${dataDirectory} is already active`,
      )
    }
    checkRoom(this.#daqs.size, maxDaqs, "DAQs")
    const source = sourceDirectory(dataDirectory)
    const transfer = new Transfer(this.#context, { experiment, dataDirectory, source, options, user })
    const watch = new Watch(transfer, this.#context)
    transfer.info.status = "running"
    this.#daqs.set(String(transfer.info.id), transfer)
    await watch.begin()
    this.#context.tasks.spawn(task => this.#run(task, transfer, watch, user))
    return transfer.info
  }

  /** The DAQ takes what is there, finishes what waits, and is `done` only then. @throws DmRefusal ObjectNotFound */
  stop(experimentName: unknown, dataDirectory: string, user: DmUser): Doc {
    this.#context.experiments.byName(experimentName, undefined, user)
    const transfer = this.#running(experimentName, dataDirectory)
    if (transfer === undefined) {
      throw new DmRefusal("ObjectNotFound", `no active DAQ of ${experimentName} for ${dataDirectory}`)
    }
    transfer.stopping = true
    return transfer.info
  }

  list(): Doc[] {
    return [...this.#daqs.values()].map(transfer => transfer.info)
  }

  /** @throws DmRefusal ObjectNotFound */
  get(id: unknown): Doc {
    const transfer = this.#daqs.get(String(id))
    if (transfer === undefined) throw new DmRefusal("ObjectNotFound", `DAQ ${id} does not exist`)
    return transfer.info
  }

  /** Forgets an ended DAQ. @throws DmRefusal ObjectNotFound, InvalidObjectState */
  clear(id: unknown): Doc {
    const info = this.get(id)
    if (info.endTime === undefined) {
      throw new DmRefusal("InvalidObjectState", `DAQ ${id} is ${info.status}; stop it first`)
    }
    this.#daqs.delete(String(id))
    return info
  }

  async #run(task: Task, transfer: Transfer, watch: Watch, user: DmUser): Promise<void> {
    await watch.run(task)
    const directory = optionalTextIn(transfer.options, "uploadDataDirectoryOnExit", "taskInfo")
    if (directory !== undefined) {
      const destDirectory = optionalTextIn(transfer.options, "uploadDestDirectoryOnExit", "taskInfo")
      const options = destDirectory === undefined ? {} : { destDirectory }
      try {
        this.#uploads.start(transfer.experiment.name, directory, options, user)
      } catch (error) {
        if (!(error instanceof DmRefusal)) throw error
        transfer.end("failed", `upload on exit: ${error.message}`)
        return
      }
    }
    transfer.end("done")
  }

  #running(experimentName: unknown, dataDirectory: string): Transfer | undefined {
    return [...this.#daqs.values()].find(
      ({ info }) =>
        info.experimentName === experimentName &&
        info.dataDirectory === dataDirectory &&
        info.status === "running",
    )
  }
}
