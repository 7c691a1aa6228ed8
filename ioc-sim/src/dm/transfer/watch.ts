import { countIn, flagIn } from "../documents.ts"
import type { Task } from "../time/tasks.ts"
import { fileFilter } from "./filters.ts"
import { listFiles, type SourceFile } from "./source.ts"
import type { Transfer, TransferContext } from "./transfer.ts"

const stamp = (file: SourceFile): string => `${file.size} ${file.mtimeMs}`

/**
 * The life of one DAQ. A file is taken when it looks the same in two consecutive looks, so that one being written is
 * left alone; once the DAQ is to end, everything that is there is taken.
 */
export class Watch {
  readonly #transfer: Transfer
  readonly #context: TransferContext
  readonly #keep: (path: string) => boolean
  readonly #until: number
  /** Path → state in which it was taken (or ignored because it was there before). */
  readonly #taken = new Map<string, string>()
  #growing = new Map<string, string>()

  constructor(transfer: Transfer, context: TransferContext) {
    this.#transfer = transfer
    this.#context = context
    this.#keep = fileFilter(transfer.options)
    const hours = countIn(transfer.options, "maxRunTimeInHours", Number.POSITIVE_INFINITY, "taskInfo")
    this.#until = context.clock.time() + hours * 3600
  }

  /** Remembers what is there already, so that only later files count; unless those are wanted too. */
  async begin(): Promise<void> {
    if (flagIn(this.#transfer.options, "processExistingFiles")) return
    for (const file of await listFiles(this.#transfer.source)) this.#taken.set(file.path, stamp(file))
  }

  async run(task: Task): Promise<void> {
    for (;;) {
      const ending = this.#transfer.stopping || task.time() >= this.#until
      await this.#look(task, ending)
      if (ending) return
      await task.sleep(this.#context.pollSeconds)
    }
  }

  async #look(task: Task, ending: boolean): Promise<void> {
    const files = (await listFiles(this.#transfer.source)).filter(
      file => this.#keep(file.path) && this.#taken.get(file.path) !== stamp(file),
    )
    const ready = files.filter(file => ending || this.#growing.get(file.path) === stamp(file))
    this.#growing = new Map(files.map(file => [file.path, stamp(file)]))
    this.#transfer.announce(ready.length)
    for (const file of ready) {
      this.#taken.set(file.path, stamp(file))
      await this.#transfer.process(task, file)
    }
  }
}
