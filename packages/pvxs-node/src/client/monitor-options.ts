import { type PvaError, PvaInputError } from "../errors.ts"
import type { FieldSet } from "../values/field-set.ts"
import type { StructureType } from "../values/field-type.ts"
import type { ReadAs } from "../values/value-of.ts"
import type { PvRequest } from "../wire/pv-request.ts"

export interface MonitorOptions<T extends StructureType | undefined = undefined> {
  /** Which fields, and options of `record[...]`. */
  readonly request?: string | PvRequest
  /** The type that the value must have: updates are then typed by it. */
  readonly type?: T
  /**
   * For a reader (`for await`) slower than the updates: "latest" keeps only the newest value, "all" up to `bound`
   * updates, after which the last ones are merged. Default "latest". Listeners see every update as it arrives.
   */
  readonly deliver?: "latest" | "all"
  /** Default 1000. */
  readonly bound?: number
  /**
   * Flow control: the server sends no more than `queueSize` updates ahead of the reader, so nothing is dropped on
   * the way and a slow reader slows the stream. Worth it for images. Default false.
   */
  readonly pipeline?: boolean
  /**
   * Large arrays of an update are valid until the next one has been delivered (to listeners), or is asked for (in a
   * loop): their memory then takes the next. For streams of images, which come up to twice as fast that way; copy
   * what has to stay. Default false: arrays belong to the caller.
   */
  readonly reuseMemory?: boolean
  /** Depth of the server's queue, and the window of a pipeline. Default 4, where `pipeline` is on. */
  readonly queueSize?: number
  /**
   * Seconds in which the first update has to come, otherwise the monitor ends with PVA_TIMEOUT. Default no limit: it
   * searches, and asks a server that does not answer again, as long as it takes.
   */
  readonly timeout?: number
  /** Aborting closes the monitor. */
  readonly signal?: AbortSignal
  /** Listens from the start; the same as `on("update", …)` right after. */
  readonly onUpdate?: (update: MonitorUpdate<ReadAs<T>>) => void
}

/** One update of a monitor. */
export interface MonitorUpdate<T> {
  /** The complete value, not only what changed. */
  readonly value: T
  /** What changed since the update before. */
  readonly changed: FieldSet
  /** Updates that came since the last delivered one and were merged into this, newest value winning. */
  readonly dropped: number
  /** True for the first one after each connect. */
  readonly initial: boolean
}

export interface MonitorEvents<T> {
  update: [update: MonitorUpdate<T>]
  /** The server answered; updates follow. Again after each reconnect. */
  connected: []
  /** Updates may be missed from here until `connected`. */
  disconnected: [reason: PvaError]
  /** No more updates: closed, ended by the server, or refused, which `reason` tells. */
  ended: [reason: PvaError | undefined]
}

/** The value is a view, made only when somebody looks. */
export class Update<T> implements MonitorUpdate<T> {
  readonly changed: FieldSet
  readonly dropped: number
  readonly initial: boolean
  readonly #slots: readonly unknown[]

  constructor(changed: FieldSet, slots: readonly unknown[], dropped: number, initial: boolean) {
    this.changed = changed
    this.#slots = slots
    this.dropped = dropped
    this.initial = initial
  }

  get value(): T {
    return this.changed.view(this.#slots) as T
  }
}

/** The pvRequest of a monitor, with what its options add. */
export function monitorRequest(
  options: Pick<MonitorOptions, "request" | "pipeline">,
  depth: number | undefined,
): string | PvRequest {
  const { request = {} } = options
  if (typeof request === "string" && depth === undefined && options.pipeline !== true) return request
  if (typeof request === "string") {
    throw new PvaInputError(
      "a monitor takes queueSize and pipeline either as options or in the text of its request",
    )
  }
  const added = {
    ...(options.pipeline === true ? { pipeline: true } : {}),
    ...(depth === undefined ? {} : { queueSize: String(depth) }),
  }
  return { ...request, options: { ...request.options, ...added } }
}
