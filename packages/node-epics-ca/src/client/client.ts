import { Observable } from "rxjs"
import { CaAggregateError, CaError } from "../errors.ts"
import type { DbrReading } from "../wire/dbr-value.ts"
import type { Channel } from "./channel.ts"
import { type CaClientConfig, type CaSettings, resolveSettings } from "./config.ts"
import { Context, type ContextParts } from "./context.ts"
import { asCaError } from "./failures.ts"
import { CaChannel, type CaChannelListener } from "./handle.ts"
import { CaMonitor, type CaMonitorOptions } from "./monitor.ts"
import { type CaGetOptions, type CaPutOptions, checkName, checkPriority } from "./options.ts"
import type { CaPutValue } from "./put-value.ts"
import { get, put } from "./verbs.ts"

export interface CaGetManyOptions extends CaGetOptions {
  /** Give failures as values in the list, in place of rejecting when any name failed. Default false. */
  settle?: boolean
}

export interface CaChannelOptions {
  /** 0 (default) to 99; channels of different priority have circuits of their own. */
  priority?: number
  /** Hears of connects, disconnects and changed rights, as those do who listen to `events`. */
  listener?: CaChannelListener
}

/**
 * A Channel Access client. Does nothing on the network until its first channel. Each client is independent of every
 * other: its own settings, circuits and search.
 *
 * @example
 * await using client = new CaClient()
 * const { value, severityText } = await client.get("S1:m1.RBV")
 * await client.put("S1:m1.VAL", 2.5, { completion: true })
 */
export class CaClient implements AsyncDisposable {
  readonly #context: Context

  /** Throws for settings that can not be understood. `parts` replace clock, randomness and network in tests. */
  constructor(config: CaClientConfig = {}, parts: ContextParts = {}) {
    this.#context = new Context(resolveSettings(config), parts)
  }

  /** The settings in force. */
  get settings(): CaSettings {
    return this.#context.settings
  }

  /**
   * Reads one value, or many in one go. Each comes with alarm and time stamp, on request with metadata.
   *
   * Rejects with a {@link CaError}: NOT_FOUND, TIMEOUT, DISCONNECTED, REMOTE, NO_ACCESS, TOO_LARGE, ABORTED, BAD_INPUT, CLOSED; for many names with one
   * {@link CaAggregateError}, unless `settle` is set.
   */
  get(name: string, options?: CaGetOptions): Promise<DbrReading>
  get(
    names: readonly string[],
    options: CaGetManyOptions & { settle: true },
  ): Promise<(DbrReading | CaError)[]>
  get(names: readonly string[], options?: CaGetManyOptions): Promise<DbrReading[]>
  get(
    names: string | readonly string[],
    options?: CaGetManyOptions,
  ): Promise<DbrReading | (DbrReading | CaError)[]> {
    if (typeof names === "string") {
      try {
        return get(this.#channel(names, 0), options)
      } catch (error) {
        return Promise.reject(error)
      }
    }
    return this.#getMany(names, options)
  }

  async #getMany(
    names: readonly string[],
    options: CaGetManyOptions | undefined,
  ): Promise<(DbrReading | CaError)[]> {
    const each = names.map(name => this.get(name, options).catch(asCaError))
    const results = await Promise.all(each)
    if (options?.settle === true) return results
    const errors = results.filter(result => result instanceof CaError)
    if (errors.length > 0) throw new CaAggregateError(errors, names.length)
    return results
  }

  /**
   * Writes a value: number, text (an enum's label too), boolean, or an array. Without `completion` it resolves when the server has
   * taken it; with, when all that it started has finished.
   *
   * Rejects like {@link get}; also PUT_PENDING when a put with completion is under way on this channel, and
   * OUTCOME_UNKNOWN when the connection broke before the server confirmed: the write is never repeated by itself.
   */
  put(name: string, value: CaPutValue, options?: CaPutOptions): Promise<void> {
    try {
      return put(this.#channel(name, 0), value, options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Subscribes to a channel; see {@link CaMonitor}. Throws for bad options, at once. */
  monitor(name: string, options?: CaMonitorOptions): CaMonitor {
    return new CaMonitor(this.#channel(name, 0), options)
  }

  /** The updates of a channel as an Observable: subscribes with its first subscriber, and once for each. */
  observe(
    name: string,
    options: Omit<CaMonitorOptions, "onUpdate" | "onError" | "all"> = {},
  ): Observable<DbrReading> {
    return new Observable(subscriber => {
      const monitor = this.monitor(name, {
        ...options,
        onUpdate: reading => subscriber.next(reading),
        onClose: () => subscriber.complete(),
      })
      return () => monitor.close()
    })
  }

  /** A channel to keep: connection events, native type, access rights, repeated reads and writes. */
  channel(name: string, options: CaChannelOptions = {}): CaChannel {
    const { priority = 0, listener } = options
    return new CaChannel(this.#channel(name, checkPriority(name, priority)), listener)
  }

  /** Closes all channels and circuits; resolves when every socket is gone. Writes made before are sent. Pending calls reject with CLOSED. */
  close(): Promise<void> {
    return this.#context.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #channel(name: string, priority: number): Channel {
    const known = priority === 0 ? this.#context.channels.get(name) : undefined
    if (known !== undefined) return known
    checkName(name)
    if (this.#context.closed) throw new CaError("CLOSED", `${name}: the client was closed`)
    return this.#context.channel(name, priority)
  }
}
