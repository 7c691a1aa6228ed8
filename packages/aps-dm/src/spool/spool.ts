import { readdir, readFile, stat, unlink } from "node:fs/promises"
import { join } from "node:path"
import { type Clock, systemClock, toError } from "@ophyd-ts/core"
import type { DmClient } from "../client/index.ts"
import { DmError, InvalidArgument, ObjectNotFound } from "../errors.ts"
import { writeWhole } from "../files.ts"
import { takeLock } from "./lock.ts"
import { type SendResult, sendItem } from "./send-item.ts"
import { describeItem, type SpoolItem, type SpoolRecord, spoolRecord } from "./spool-item.ts"

export interface DmSpoolOptions {
  /** Folder of the spool; made when it is needed. Several programs may share one. */
  directory: string
  /** Default 1000. */
  maxItems?: number
  /** All items together; default 64 MiB. */
  maxBytes?: number
  /** One item; default 1 MiB. */
  maxItemBytes?: number
  clock?: Clock
}

/** Something that waits. */
export interface SpoolEntry {
  readonly id: string
  /** For people. */
  readonly what: string
  /** Null when the file cannot be read. */
  readonly item: SpoolItem | null
  /** s since 1970. */
  readonly time: number
  readonly bytes: number
  /** How often DM refused it. */
  readonly refused: number
  /** Why it still waits, if that is known. */
  readonly lastError: string | null
}

export interface SendReport {
  /** DM has them now, or had them already. */
  readonly sent: readonly SpoolEntry[]
  /** DM was away. */
  readonly waiting: readonly SpoolEntry[]
  /** DM refused them, or they cannot be read. They are kept until they are dropped. */
  readonly refused: readonly SpoolEntry[]
  /** Another program is sending; this one has stopped where it was. */
  readonly busy: boolean
}

/** What the spool needs of a client. */
export type SpoolTarget = Pick<DmClient, "cat" | "proc" | "daq">

/**
 * Work for DM kept on disk until DM takes it, one file per item. An item is on the disk when `add` has resolved, and
 * is removed after DM has it: a process that dies in between loses nothing, and what is sent a second time is no
 * second dataset and no second job.
 */
export class DmSpool {
  readonly directory: string
  readonly #limits: Required<Pick<DmSpoolOptions, "maxItems" | "maxBytes" | "maxItemBytes">>
  readonly #clock: Clock
  #sending: Promise<SendReport> | null = null
  #background: Promise<void> | null = null
  #again = false
  #count = 0

  constructor(options: DmSpoolOptions) {
    const {
      directory,
      maxItems = 1000,
      maxBytes = 64 * 1024 * 1024,
      maxItemBytes = 1024 * 1024,
      clock,
    } = options
    this.directory = directory
    this.#limits = { maxItems, maxBytes, maxItemBytes }
    this.#clock = clock ?? systemClock
  }

  /**
   * Keeps an item. Nothing is sent.
   * @throws InvalidArgument when it is too large, DmError `SpoolFull`, and `SpoolFailed` when it cannot be written.
   */
  async add(item: SpoolItem): Promise<SpoolEntry> {
    const record: SpoolRecord = { version: 1, time: this.#clock.time(), item, refused: 0, lastError: null }
    const text = JSON.stringify(record)
    const bytes = Buffer.byteLength(text)
    const { maxItems, maxBytes, maxItemBytes } = this.#limits
    if (bytes > maxItemBytes) {
      throw new InvalidArgument(
        `${describeItem(item)}: ${bytes} bytes are too much for the spool (limit ${maxItemBytes})`,
      )
    }
    const files = await this.#files()
    const kept = files.reduce((sum, file) => sum + file.bytes, 0)
    if (files.length >= maxItems || kept + bytes > maxBytes) {
      throw new DmError(
        "SpoolFull",
        `DM spool ${this.directory} is full (${files.length} items, ${kept} bytes): ${describeItem(item)} is not kept`,
      )
    }
    this.#count += 1
    // Sorted as they came, also those of one millisecond.
    const at = `${Math.round(record.time * 1000)}`.padStart(15, "0")
    const id = `${at}-${String(this.#count).padStart(6, "0")}-${crypto.randomUUID().slice(0, 8)}`
    await writeWhole(this.#path(id), text).catch(this.#fail(`keep ${describeItem(item)}`))
    return entryOf(id, bytes, record)
  }

  /** What waits, oldest first. @throws DmError `SpoolFailed` */
  async list(): Promise<SpoolEntry[]> {
    const entries = []
    for (const { id, bytes } of await this.#files()) entries.push(await this.#read(id, bytes))
    return entries.filter(entry => entry !== null)
  }

  /** Gives an item up. @throws ObjectNotFound */
  async drop(id: string): Promise<void> {
    if (!/^[\w-]+$/.test(id)) throw new InvalidArgument(`DM spool: "${id}" is no item's id`)
    await unlink(this.#path(id)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") throw new ObjectNotFound(`DM spool ${this.directory} has no item ${id}`)
      return this.#fail(`drop ${id}`)(error)
    })
  }

  /**
   * Sends what waits, oldest first; a service that is away keeps its items waiting and does not hold up those of the
   * others. While one call works, another one joins it.
   * @throws DmError `SpoolFailed` when the folder cannot be used; DM's errors are in the report.
   */
  send(dm: SpoolTarget, options: { signal?: AbortSignal } = {}): Promise<SendReport> {
    this.#sending ??= this.#send(dm, options.signal).finally(() => {
      this.#sending = null
    })
    return this.#sending
  }

  /**
   * Sends what waits in the background, also what was added while an earlier call was at work. Nothing is thrown:
   * `onProblem` hears of what DM refused and of what is wrong with the spool.
   */
  sendSoon(dm: SpoolTarget, onProblem: (error: DmError) => void = () => {}): void {
    this.#again = true
    if (this.#background !== null) return
    const run = async () => {
      while (this.#again) {
        this.#again = false
        // One that is under way may have passed what was just added.
        await this.#sending?.catch(() => {})
        const { refused } = await this.send(dm)
        for (const { what, lastError } of refused)
          onProblem(new DmError("InvalidRequest", `${what}: ${lastError}`))
      }
    }
    this.#background = run()
      .catch((error: unknown) => {
        const cause = toError(error)
        const failed = new DmError("SpoolFailed", `DM spool ${this.directory}: ${cause.message}`, { cause })
        onProblem(error instanceof DmError ? error : failed)
      })
      .finally(() => {
        this.#background = null
      })
  }

  /** Fulfilled when nothing is sent in the background any more. */
  async settled(): Promise<void> {
    await this.#background
    await this.#sending?.catch(() => {})
  }

  async #send(dm: SpoolTarget, signal: AbortSignal | undefined): Promise<SendReport> {
    const report = {
      sent: [] as SpoolEntry[],
      waiting: [] as SpoolEntry[],
      refused: [] as SpoolEntry[],
      busy: false,
    }
    if ((await this.#files()).length === 0) return report
    await using lock = await takeLock(join(this.directory, "lock")).catch(this.#fail("send"))
    if (lock === null) return { ...report, busy: true }
    const away = new Map<SpoolItem["kind"], string>()
    for (const entry of await this.list()) {
      signal?.throwIfAborted()
      if (!(await lock.renew())) return { ...report, busy: true }
      const { item } = entry
      if (item === null) {
        report.refused.push(entry)
        continue
      }
      const silent = away.get(item.kind)
      const result: SendResult =
        silent === undefined
          ? await sendItem(dm, item, { clock: this.#clock, signal })
          : { end: "away", message: silent }
      if (result.end === "sent") {
        await unlink(this.#path(entry.id)).catch(() => {})
        report.sent.push(entry)
      } else if (result.end === "away") {
        away.set(item.kind, result.message)
        report.waiting.push({ ...entry, lastError: result.message })
      } else {
        report.refused.push(await this.#note(entry, item, result.message))
      }
    }
    return report
  }

  /**
   * Writes down that DM refused it, as far as the disk has room. An item that was dropped meanwhile stays dropped.
   */
  async #note(entry: SpoolEntry, item: SpoolItem, lastError: string): Promise<SpoolEntry> {
    const refused = entry.refused + 1
    const record: SpoolRecord = { version: 1, time: entry.time, item, refused, lastError }
    const path = this.#path(entry.id)
    if (await stat(path).catch(() => null)) await writeWhole(path, JSON.stringify(record)).catch(() => {})
    return { ...entry, refused, lastError }
  }

  async #read(id: string, bytes: number): Promise<SpoolEntry | null> {
    try {
      return entryOf(id, bytes, spoolRecord.parse(JSON.parse(await readFile(this.#path(id), "utf8"))))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null
      const lastError = `not readable: ${(error as Error).message.split("\n")[0]}`
      return {
        id,
        what: "damaged item",
        item: null,
        time: Number(id.slice(0, 15)) / 1000 || 0,
        bytes,
        refused: 0,
        lastError,
      }
    }
  }

  async #files(): Promise<{ id: string; bytes: number }[]> {
    const names = await readdir(this.directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return []
      return this.#fail("read what waits")(error)
    })
    const files = await Promise.all(
      names
        .filter(name => name.endsWith(".json"))
        .sort()
        .map(async name => {
          const found = await stat(join(this.directory, name)).catch(() => null)
          return found === null ? [] : [{ id: name.slice(0, -".json".length), bytes: found.size }]
        }),
    )
    return files.flat()
  }

  /** What the file system says is told with the place and with what was to be done. */
  #fail(what: string): (cause: Error) => never {
    return cause => {
      throw new DmError("SpoolFailed", `DM spool ${this.directory}: cannot ${what}: ${cause.message}`, {
        cause,
      })
    }
  }

  #path(id: string): string {
    return join(this.directory, `${id}.json`)
  }
}

const entryOf = (id: string, bytes: number, { item, time, refused, lastError }: SpoolRecord): SpoolEntry => ({
  id,
  what: describeItem(item),
  item,
  time,
  bytes,
  refused,
  lastError,
})
