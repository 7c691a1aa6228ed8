import { PvaInputError } from "../errors.ts"
import type { LayoutNode } from "../values/layout.ts"
import { BitSet } from "../wire/bitset.ts"
import { Command, Sub } from "../wire/codes.ts"
import type { PvRequest } from "../wire/pv-request.ts"
import type { Reader } from "../wire/reader.ts"
import type { ChannelCore } from "./channel-core.ts"
import type { CallOptions } from "./job.ts"
import type { Request } from "./request.ts"
import { RequestJob } from "./request-job.ts"

export interface PutOptions extends CallOptions {
  /**
   * Resolve when the record has finished processing, such as a motor that has arrived (`record[block=true]`). Default
   * false. Processing may take as long as it takes: only an explicit `timeout` limits it.
   */
  readonly completion?: boolean
  /** Process the record: always, never, or when it is passive, which is the server's default. */
  readonly process?: boolean | "passive"
  /** Further options. A text says everything itself: `completion` and `process` beside it are refused. */
  readonly request?: string | PvRequest
}

/**
 * What a put writes: an object with the members to change; or, for a channel that has a `value`, just that. An enum
 * takes its index or its label. An empty object changes nothing, and makes the server process the record; QSRV does so
 * only without `completion`: to wait for mere processing, put 1 to `NAME.PROC`.
 */
export type PutValue = unknown

class PutJob extends RequestJob<void> {
  readonly what = "put to"
  readonly #value: PutValue
  readonly #mayTakeLong: boolean

  constructor(core: ChannelCore, value: PutValue, options: PutOptions) {
    super(core, options)
    this.#value = value
    this.#mayTakeLong = options.completion === true && options.timeout === undefined
  }

  execute(request: Request): void {
    // A label needs the list of labels, which only the server knows.
    if (labelOf(request.layout.root, this.#value) === undefined) this.#write(request, this.#value)
    else request.exec(Sub.get)
  }

  onReply(request: Request, sub: number, reader: Reader): void {
    if ((sub & Sub.get) === 0) {
      this.inFlight = false
      this.succeed()
      return
    }
    const { layout } = request
    const slots = layout.empty.slice()
    layout.readFields(reader).decode(reader, slots)
    const choices = slots[layout.node("value.choices")!.bit] as readonly string[]
    const label = labelOf(layout.root, this.#value)!
    const index = choices.indexOf(label)
    if (index < 0) {
      const known = choices.map(c => JSON.stringify(c)).join(", ")
      this.refused(new PvaInputError(`put to ${this.core.name}: "${label}" is none of its choices ${known}`))
      return
    }
    try {
      this.#write(request, { value: { index } })
    } catch (error) {
      this.refused(error)
    }
  }

  #write(request: Request, value: PutValue): void {
    const { layout } = request
    const slots = layout.empty.slice()
    const marks = new BitSet()
    layout.assign(slots, membersOf(layout.root, value), marks, "")
    const fields = layout.fields(marks)
    request.exec(Sub.exec, w => fields.encode(w, slots))
    this.inFlight = true
    if (this.#mayTakeLong) this.withoutLimit()
  }
}

const isEnum = (node: LayoutNode | undefined): boolean =>
  node?.child("index") !== undefined && node.child("choices") !== undefined

/** The label that is to be put to an enum, if that is what the value is. */
function labelOf(root: LayoutNode, value: PutValue): string | undefined {
  if (!isEnum(root.child("value"))) return undefined
  const inner = isRecord(value) && "value" in value ? value["value"] : value
  return typeof inner === "string" ? inner : undefined
}

/** The members a put changes: what is no object stands for the member `value`, a bare number for an enum's index. */
function membersOf(root: LayoutNode, value: PutValue): unknown {
  return enumIndex(root.child("value"), isRecord(value) ? value : { value })
}

function enumIndex(node: LayoutNode | undefined, value: unknown): unknown {
  if (!isEnum(node) || !isRecord(value) || typeof value["value"] !== "number") return value
  return { ...value, value: { index: value["value"] } }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)

/** Writes to a channel. A put whose connection breaks before the answer rejects with PVA_OUTCOME_UNKNOWN and is not repeated. */
export function put(core: ChannelCore, value: PutValue, options: PutOptions = {}): Promise<void> {
  const key = core.client.requestKey(putRequest(options))
  return new PutJob(core, value, options).start(core.acquire(Command.put, key))
}

function putRequest(options: PutOptions): string | PvRequest {
  const { request = {}, completion, process } = options
  if (typeof request === "string") {
    if (completion === undefined && process === undefined) return request
    throw new PvaInputError(
      "a put takes completion and process either as options or in the text of its request",
    )
  }
  const added = {
    ...(completion === true ? { block: true } : {}),
    ...(process === undefined ? {} : { process }),
  }
  return { ...request, options: { ...request.options, ...added } }
}
