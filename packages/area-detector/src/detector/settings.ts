import { formatSeconds, formatValue, type SignalRW, StatusTimeoutError, toError, until } from "@ophyd-ts/core"
import { AreaDetectorError } from "../errors.ts"

export interface SettingOptions {
  /** Written back by `restore`; default true. */
  restore?: boolean | undefined
  /** Written also when it has the value already, for records that act when they are written; default false. */
  always?: boolean | undefined
  /** How a read-back is compared with what was written; default equal, or near for numbers with a precision. */
  accept?: ((readback: never) => boolean) | undefined
}

interface Entry {
  readonly signal: SignalRW<unknown>
  readonly before: unknown
  readonly restore: boolean
  value: unknown
  accept: (readback: unknown) => boolean
}

/**
 * What a detector has set for a run. Each write is verified by its read-back; `restore` puts all back as it was, in reverse
 * order.
 */
export class Settings {
  /** Seconds until a setting counts as refused. */
  readonly timeout: number
  readonly #entries = new Map<SignalRW<unknown>, Entry>()

  constructor(timeout: number) {
    this.timeout = timeout
  }

  /** Writes one setting; several may be written at the same time. Throws NOT_ACCEPTED when the read-back differs. */
  async write<T>(signal: SignalRW<T>, value: NoInfer<T>, options: SettingOptions = {}): Promise<void> {
    signal.checkValue(value)
    const now = await signal.locate()
    const accept = (options.accept ?? ((readback: T) => signal.near(readback, value))) as (r: T) => boolean
    this.#note(signal, value, now.setpoint, accept, options.restore ?? true)
    const same = signal.datatype.equal(now.setpoint, value) && accept(now.readback)
    if (same && options.always !== true) return
    await signal.set(value, { timeout: this.timeout, whenBusy: "queue" })
    if (accept((await signal.reading()).value)) return
    await until(signal, accept, { timeout: this.timeout })
      .wait()
      .catch(async cause => {
        const has = formatValue(await signal.get())
        throw new AreaDetectorError(
          "NOT_ACCEPTED",
          `${signal.name}: ${formatValue(value)} was written to ${signal.source}, which still shows ${has} after ${formatSeconds(this.timeout)}`,
          { cause },
        )
      })
  }

  /** What is no longer as it was set, for people. Empty when all is well. */
  async changed(): Promise<string[]> {
    const entries = [...this.#entries.values()]
    const values = await Promise.all(entries.map(({ signal }) => signal.get()))
    return entries.flatMap(({ signal, value, accept }, i) =>
      accept(values[i])
        ? []
        : [`${signal.name} is ${formatValue(values[i])} instead of ${formatValue(value)}`],
    )
  }

  /**
   * Puts everything back, the last write first; goes on after a failure and gives the errors. What cannot be reached is
   * left, and named in one error for `who`. An IOC that does not answer costs one time-out, not one for each setting.
   */
  async restore(who: string): Promise<Error[]> {
    const entries = [...this.#entries.values()].filter(entry => entry.restore).reverse()
    this.#entries.clear()
    const errors: Error[] = []
    const lost: string[] = []
    const writes: Promise<void>[] = []
    let answers = true
    for (const { signal, before, value } of entries) {
      if (signal.datatype.equal(before, value)) continue
      if (!signal.connected) {
        lost.push(signal.source)
        continue
      }
      const write = this.#putBack(signal, before).catch(thrown => {
        if (thrown instanceof StatusTimeoutError) answers = false
        errors.push(toError(thrown))
      })
      writes.push(write)
      if (answers) await write
    }
    await Promise.all(writes)
    if (lost.length > 0) {
      const [first, ...more] = lost
      const what = more.length === 0 ? `${first} is` : `${first} and ${more.length} more are`
      const why = `${who}: ${what} not connected and could not be put back as before`
      errors.push(new AreaDetectorError("SETTINGS_LOST", why))
    }
    return errors
  }

  async #putBack(signal: SignalRW<unknown>, before: unknown): Promise<void> {
    await signal.set(before, { timeout: this.timeout, whenBusy: "queue" })
  }

  #note<T>(
    signal: SignalRW<T>,
    value: T,
    before: T,
    accept: (readback: T) => boolean,
    restore: boolean,
  ): void {
    const key = signal as unknown as SignalRW<unknown>
    const known = this.#entries.get(key)
    if (known === undefined) {
      this.#entries.set(key, {
        signal: key,
        before,
        restore,
        value,
        accept: accept as (readback: unknown) => boolean,
      })
    } else {
      known.value = value
      known.accept = accept as (readback: unknown) => boolean
    }
  }
}
