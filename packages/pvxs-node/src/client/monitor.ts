import { EventEmitter } from "eventemitter3"
import { callUser, diagnostics } from "../diagnostics.ts"
import { PvaError, PvaInputError, PvaRefusedError } from "../errors.ts"
import type { FieldSet } from "../values/field-set.ts"
import type { StructureType } from "../values/field-type.ts"
import { type Layout, layoutOf } from "../values/layout.ts"
import type { ReadAs } from "../values/value-of.ts"
import { Command, Sub } from "../wire/codes.ts"
import { readTypeRequired } from "../wire/field-desc.ts"
import type { Reader } from "../wire/reader.ts"
import { isSuccess, readStatus } from "../wire/status.ts"
import type { Writer } from "../wire/writer.ts"
import { Acknowledgements } from "./acknowledgements.ts"
import { type ChannelCore, type ChannelUser, patience } from "./channel-core.ts"
import type { Connection, ReplyHandler } from "./connection.ts"
import { checkDeclared } from "./declared.ts"
import {
  type MonitorEvents,
  type MonitorOptions,
  type MonitorUpdate,
  monitorRequest,
  Update,
} from "./monitor-options.ts"
import { structureOf } from "./request.ts"
import { UpdateMemory } from "./update-memory.ts"
import { UpdateQueue } from "./update-queue.ts"

type Waiter<T> = { resolve(result: IteratorResult<MonitorUpdate<T>>): void; reject(error: unknown): void }

/**
 * A subscription. Read it with `for await`, or listen to its events. It survives the loss of the server: it
 * subscribes again, and the next update is marked `initial`. End it with `close`, with its signal, or by leaving the loop.
 */
export class Monitor<T extends StructureType | undefined = undefined>
  implements AsyncIterable<MonitorUpdate<ReadAs<T>>>, AsyncDisposable, ChannelUser, ReplyHandler
{
  readonly #core: ChannelCore
  readonly #key: string
  readonly #declared: StructureType | undefined
  readonly #signal: AbortSignal | undefined
  /** Updates the server may be ahead, 0 without pipeline. */
  readonly #window: number
  readonly #acknowledgements: Acknowledgements | undefined
  readonly #events = new EventEmitter<MonitorEvents<ReadAs<T>>>()
  readonly #queue: UpdateQueue
  #waiters: Waiter<ReadAs<T>>[] = []
  #reading = false
  #status: "waiting" | "init" | "running" | "ended" = "waiting"
  #reason: PvaError | undefined
  #connection: Connection | null = null
  #sid = 0
  #ioid = 0
  #layout: Layout | null = null
  #slots: readonly unknown[] = []
  readonly #reuseMemory: boolean
  /** Of the newest update, and of the one that the reader looks at. */
  #memory: UpdateMemory | null = null
  #memoryRead: UpdateMemory | null = null
  #fresh = true
  #paused = false
  /** Connects so far. */
  #epoch = 0
  /** Echo periods since INIT was sent. */
  #ticks = 0
  #cancelTimeout: (() => void) | undefined

  /** @internal Made by `PvaClient.monitor`. */
  constructor(core: ChannelCore, options: MonitorOptions<T>) {
    this.#core = core
    this.#declared = options.type
    this.#signal = options.signal
    this.#reuseMemory = options.reuseMemory === true
    const depth = options.queueSize ?? (options.pipeline === true ? 4 : undefined)
    if (depth !== undefined && !(Number.isInteger(depth) && depth > 0)) {
      throw new PvaInputError(`queueSize of a monitor is an integer above 0, not ${depth}`)
    }
    if (options.timeout !== undefined && !(options.timeout > 0)) {
      throw new PvaInputError(`timeout of a monitor is a number of seconds above 0, not ${options.timeout}`)
    }
    this.#window = options.pipeline === true ? depth! : 0
    if (this.#window > 0) {
      this.#acknowledgements = new Acknowledgements(
        this.#window,
        core.client.config.clock,
        count => {
          if (this.#status === "running") this.#send(Sub.pipeline, w => w.u32(count))
        },
        () => {
          if (this.#status === "running" && !this.#paused) this.#send(Sub.start)
        },
      )
    }
    this.#key = core.client.requestKey(monitorRequest(options, depth))
    this.#queue = new UpdateQueue(
      this.#window > 0 ? this.#window : options.deliver === "all" ? (options.bound ?? 1000) : 1,
    )
    if (options.onUpdate !== undefined) this.on("update", options.onUpdate)
    if (options.signal?.aborted === true) {
      this.#end(this.#aborted())
      return
    }
    options.signal?.addEventListener("abort", this.#onAbort)
    const { timeout } = options
    if (timeout !== undefined && timeout < Number.POSITIVE_INFINITY) {
      this.#cancelTimeout = core.client.config.clock.after(timeout, () => this.#onTimeout(timeout))
    }
    core.join(this)
  }

  get name(): string {
    return this.#core.name
  }

  /** True between `connected` and `disconnected`. */
  get isRunning(): boolean {
    return this.#status === "running"
  }

  /** The newest complete value, null before the first. */
  get latest(): ReadAs<T> | null {
    return this.#layout === null || this.#fresh ? null : (this.#layout.view(this.#slots) as ReadAs<T>)
  }

  /** Calls `listener` on each event from now on; the function it gives stops that. */
  on<E extends keyof MonitorEvents<ReadAs<T>>>(
    event: E,
    listener: (...args: MonitorEvents<ReadAs<T>>[E]) => void,
  ): () => void {
    const events = this.#events as unknown as EventEmitter
    events.on(event, listener as (...args: unknown[]) => void)
    return () => events.off(event, listener as (...args: unknown[]) => void)
  }

  /** Asks the server to send nothing for a while. */
  pause(): void {
    if (this.#paused) return
    this.#paused = true
    if (this.#status === "running") this.#send(Sub.stop)
  }

  /** Ends `pause`; a complete update follows. */
  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    if (this.#status === "running") this.#send(Sub.start)
  }

  /** Ends the subscription. Loops over it end after the updates they already have; nothing throws. */
  close(): void {
    this.#end(undefined)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }

  [Symbol.asyncIterator](): AsyncIterator<MonitorUpdate<ReadAs<T>>, undefined> {
    this.#reading = true
    return {
      next: () => this.#next(),
      return: async () => {
        this.close()
        return { done: true, value: undefined }
      },
    }
  }

  #next(): Promise<IteratorResult<MonitorUpdate<ReadAs<T>>, undefined>> {
    const update = this.#take()
    if (update !== undefined) return Promise.resolve({ done: false, value: update })
    if (this.#status === "ended") {
      return this.#reason === undefined
        ? Promise.resolve({ done: true, value: undefined })
        : Promise.reject(this.#reason)
    }
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }))
  }

  #take(): MonitorUpdate<ReadAs<T>> | undefined {
    this.#memoryRead?.release()
    this.#memoryRead = null
    const next = this.#queue.shift()
    if (next === undefined) return undefined
    this.#memoryRead = next.memory
    const { slots, changed, merged, initial, epoch } = next
    if (epoch === this.#epoch) this.#acknowledgements?.consume(merged + 1)
    return new Update<ReadAs<T>>(changed, slots, merged, initial)
  }

  /** @internal */
  begin(connection: Connection, sid: number): void {
    if (this.#status === "ended") return
    this.#connection = connection
    this.#sid = sid
    this.#ioid = connection.register(this)
    this.#status = "init"
    this.#fresh = true
    this.#acknowledgements?.reset()
    this.#epoch++
    this.#ticks = 0
    this.#send(this.#window > 0 ? Sub.init | Sub.pipeline : Sub.init, w => {
      this.#core.client.writeRequest(w, this.#key)
      if (this.#window > 0) w.u32(this.#window)
    })
  }

  /** @internal INIT has no effect, so one that is not answered is sent again. */
  onTick(): void {
    const connection = this.#connection
    if (this.#status !== "init" || connection === null || ++this.#ticks < patience) return
    const { name, endpoint } = this.#core
    const error = new PvaError("PVA_TIMEOUT", `${endpoint} does not answer the subscription of ${name}`)
    diagnostics.problem.publish({ where: `monitor of ${name}`, error })
    connection.release(this.#ioid, this.#sid, true)
    this.begin(connection, this.#sid)
  }

  /** @internal */
  lost(reason: PvaError): void {
    const wasRunning = this.#status === "running"
    // The connection may live on after the channel: what still comes of this subscription is none of the next one.
    this.#letGo(false)
    this.#status = "waiting"
    if (wasRunning) this.#emit(() => this.#events.emit("disconnected", reason))
  }

  /** @internal */
  closed(reason: PvaError): void {
    this.#letGo(false)
    this.#end(reason)
  }

  /** @internal */
  onReply(reader: Reader): void {
    const sub = reader.u8()
    if ((sub & Sub.init) !== 0) this.#onInit(reader)
    else if ((sub & Sub.destroy) !== 0) this.#onFinish(reader)
    else if (this.#status === "running") this.#onUpdate(reader)
  }

  #onInit(reader: Reader): void {
    if (this.#status !== "init") return
    const status = readStatus(reader)
    if (!isSuccess(status)) {
      this.#letGo(false)
      this.#end(new PvaRefusedError(`monitor of ${this.name}`, status))
      return
    }
    const layout = layoutOf(structureOf(readTypeRequired(reader)))
    try {
      checkDeclared(this.name, layout.type, this.#declared)
    } catch (error) {
      this.#end(error as PvaError)
      return
    }
    this.#layout = layout
    this.#slots = layout.empty
    this.#memory?.release()
    this.#memory = null
    this.#status = "running"
    if (!this.#paused) this.#send(Sub.start)
    this.#emit(() => this.#events.emit("connected"))
  }

  #onUpdate(reader: Reader): void {
    this.#acknowledgements?.received()
    const layout = this.#layout!
    const slots = this.#slots.slice()
    const changed = layout.readFields(reader)
    changed.decode(reader, slots)
    // What follows says which fields the server itself has merged; most servers never fill it in.
    if (!this.#reuseMemory) {
      this.#deliver(slots, changed)
      return
    }
    const before = this.#memory
    const connection = this.#connection
    const { kept } = reader
    this.#memory = UpdateMemory.after(before, { slots, changed, kept }, buffer => connection?.recycle(buffer))
    this.#memory?.hold()
    this.#deliver(slots, changed)
    before?.release()
  }

  #deliver(slots: unknown[], changed: FieldSet): void {
    const initial = this.#fresh
    if (initial) this.#cancelTimeout?.()
    this.#fresh = false
    this.#slots = slots
    if (this.#events.listenerCount("update") > 0) {
      const update = new Update<ReadAs<T>>(changed, slots, 0, initial)
      this.#emit(() => this.#events.emit("update", update))
      if (!this.#reading) {
        this.#acknowledgements?.consume(1)
        return
      }
    }
    this.#queue.push({ slots, changed, merged: 0, initial, epoch: this.#epoch, memory: this.#memory })
    const waiter = this.#waiters.shift()
    if (waiter === undefined) return
    waiter.resolve({ done: false, value: this.#take()! })
  }

  #onFinish(reader: Reader): void {
    const status = readStatus(reader)
    if (this.#status === "running" && reader.remaining > 0 && isSuccess(status)) this.#onUpdate(reader)
    this.#letGo(false)
    this.#end(isSuccess(status) ? undefined : new PvaRefusedError(`monitor of ${this.name}`, status))
  }

  #send(sub: number, body?: (writer: Writer) => void): void {
    this.#connection?.send(w =>
      w.message(Command.monitor, () => {
        w.u32(this.#sid)
        w.u32(this.#ioid)
        w.u8(sub)
        body?.(w)
      }),
    )
  }

  #letGo(tellServer: boolean): void {
    this.#acknowledgements?.stop()
    this.#connection?.release(this.#ioid, this.#sid, tellServer)
    this.#connection = null
  }

  #onTimeout(seconds: number): void {
    const message = `monitor of ${this.name}: no update after ${seconds} s; ${this.#core.describe()}`
    this.#end(new PvaError("PVA_TIMEOUT", message))
  }

  readonly #onAbort = (): void => this.#end(this.#aborted())

  #aborted(): PvaError {
    return new PvaError("PVA_ABORTED", `monitor of ${this.name}: aborted`, { cause: this.#signal?.reason })
  }

  #end(reason: PvaError | undefined): void {
    if (this.#status === "ended") return
    this.#status = "ended"
    this.#reason = reason
    this.#cancelTimeout?.()
    this.#letGo(true)
    this.#signal?.removeEventListener("abort", this.#onAbort)
    this.#core.leave(this)
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) {
      if (reason === undefined) waiter.resolve({ done: true, value: undefined })
      else waiter.reject(reason)
    }
    this.#emit(() => this.#events.emit("ended", reason))
  }

  #emit(call: () => void): void {
    callUser(`monitor of ${this.name}`, call)
  }
}
