import {
  type Channel,
  type MonitorUpdate,
  type NdArray,
  PvaClient,
  type PvStructureValue,
  readNdArray,
} from "pvxs-node"
import { abortable } from "../time.ts"
import { DmStreamError } from "./errors.ts"
import { type FrameSource, searchAddress } from "./protocol.ts"

/**
 * A channel to exactly the server at `host:port`, without any search, so that tunnels and forwarded ports will do; for
 * an empty address or `search` one that is searched as the `EPICS_PVA_…` variables say.
 */
export const channelAt = (client: PvaClient, name: string, address: string | undefined): Channel =>
  client.channel(name, isSearched(address) ? {} : { server: address })

const isSearched = (address: string | undefined): address is undefined | "" =>
  address === undefined || address === "" || address === searchAddress

/** The address in words, after a PV's name. */
export const atAddress = (address: string | undefined): string =>
  isSearched(address) ? "" : ` at ${address}`

export interface FrameStreamOptions extends FrameSource {
  /** Frames that may be on their way ahead of the reader; default 64. */
  queue?: number
  /** Seconds to find the PV; default 10. */
  timeout?: number
  signal?: AbortSignal | undefined
}

type Update = MonitorUpdate<PvStructureValue>
type FrameId = Pick<NdArray, "uniqueId" | "timeStamp">

/** What tells a frame from another; the pixels are not kept. */
const idOf = ({ uniqueId, timeStamp }: NdArray): FrameId => ({ uniqueId, timeStamp })

/**
 * The frames of an NTNDArray PV, one after the other, for one `for await`. What the PV shows at the beginning is no
 * frame of this stream. The server sends no more than the reader takes; it drops frames when the reader falls further
 * behind than the queue, and those are counted by their numbers.
 */
export class FrameStream implements AsyncIterable<NdArray>, AsyncDisposable {
  readonly #client: PvaClient
  readonly #updates: AsyncIterator<Update, undefined>
  #close: () => void
  #received = 0
  #missed = 0
  /** The last frame; null when there was none yet. */
  #last: FrameId | null

  private constructor(
    client: PvaClient,
    updates: AsyncIterator<Update, undefined>,
    close: () => void,
    last: FrameId | null,
  ) {
    this.#client = client
    this.#updates = updates
    this.#close = close
    this.#last = last
  }

  /** @throws DmStreamError `no-data` when there is no such PV, or it is no NTNDArray; the signal's reason. */
  static async open(options: FrameStreamOptions): Promise<FrameStream> {
    const { pv, address, queue = 64, timeout = 10, signal } = options
    const client = new PvaClient()
    const limit = AbortSignal.timeout(timeout * 1000)
    try {
      const monitor = channelAt(client, pv, address).monitor({ pipeline: true, queueSize: queue })
      const updates = monitor[Symbol.asyncIterator]()
      const first = await abortable(
        updates.next(),
        signal === undefined ? limit : AbortSignal.any([limit, signal]),
      )
      const { value } = first
      if (value === undefined || !("uniqueId" in value.value && "dimension" in value.value)) {
        throw new Error("it is no NTNDArray")
      }
      const shown = readNdArray(value.value)
      return new FrameStream(client, updates, () => monitor.close(), shown === null ? null : idOf(shown))
    } catch (cause) {
      await client.close()
      if (signal?.aborted === true) throw signal.reason
      const why = limit.aborted ? `no such PV was found within ${timeout} s` : (cause as Error).message
      throw new DmStreamError("no-data", `no frames from ${pv}${atAddress(address)}: ${why}`, { cause })
    }
  }

  get received(): number {
    return this.#received
  }

  /** Frames whose numbers were left out. */
  get missed(): number {
    return this.#missed
  }

  /** `uniqueId` of the last frame; -1 when there was none. */
  get last(): number {
    return this.#last?.uniqueId ?? -1
  }

  /** No more frames than those that are here already: the loop ends after them. */
  end(): void {
    this.#close()
  }

  async *[Symbol.asyncIterator](): AsyncIterator<NdArray, undefined> {
    for (;;) {
      const { value: update, done } = await this.#updates.next()
      if (done === true) return
      const frame = readNdArray(update.value)
      if (frame !== null && this.#count(frame)) yield frame
    }
  }

  async close(): Promise<void> {
    this.#close()
    await this.#client.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** False for a frame that was there before, which a server shows again after a lost connection. */
  #count(frame: NdArray): boolean {
    const last = this.#last
    const { uniqueId: id } = frame
    if (last !== null && isSame(frame, last)) return false
    // A smaller number: the detector counts anew. Without a number before it, nothing can be said about the first.
    if (last !== null) this.#missed += id > last.uniqueId ? id - last.uniqueId - 1 : Math.max(0, id - 1)
    this.#last = idOf(frame)
    this.#received += 1
    return true
  }
}

/** A detector that counts anew may give a number again, but not with the same time. */
const isSame = (a: FrameId, b: FrameId): boolean =>
  a.uniqueId === b.uniqueId &&
  a.timeStamp.secondsPastEpoch === b.timeStamp.secondsPastEpoch &&
  a.timeStamp.nanoseconds === b.timeStamp.nanoseconds
