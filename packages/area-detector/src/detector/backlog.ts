import { type SignalR, until } from "@ophyd-ts/core"
import type { AdDriver } from "../device/ad-driver.ts"
import { isPresent } from "../device/optional.ts"
import type { NdPlugin } from "../plugins/plugin.ts"

interface Counts {
  /** By the camera. */
  readonly given: number
  /** By the plugin. */
  readonly handled: number
  readonly dropped: number
}

/**
 * Frames on their way from a camera to a plugin. A camera that waits for its plugins has none when it is idle. For one that
 * does not, all counts are followed: a late frame of an acquisition that was broken off, or of a flight, would pass for the
 * first one of the next acquisition. (The frame that a plugin is handling is in its queue no more.)
 */
export class Backlog {
  readonly #driver: AdDriver
  readonly #plugin: NdPlugin
  readonly #counter: SignalR<number>
  readonly #timeout: number
  #since: Counts | null = null

  /** `counter`: what the plugin counts the frames by that it has handled. `timeout`: seconds that it may take for all. */
  constructor(driver: AdDriver, plugin: NdPlugin, counter: SignalR<number>, timeout: number) {
    this.#driver = driver
    this.#plugin = plugin
    this.#counter = counter
    this.#timeout = timeout
  }

  /** Frames from here on are followed. */
  async follow(): Promise<void> {
    this.#since = this.#waits ? null : await this.#counts()
  }

  /** Returns when no frame is on its way. A plugin that does not get all of them is given its time, and no error. */
  async drained(): Promise<void> {
    if (this.#waits) return
    const { queueUse, minCallbackTime } = this.#plugin
    const timeout = this.#timeout
    if (isPresent(queueUse)) await until(queueUse, 0, { timeout })
    const since = this.#since
    const passesOver = isPresent(minCallbackTime) && (await minCallbackTime.get()) > 0
    if (since === null || passesOver) return
    const { given, dropped } = await this.#counts()
    const due = since.handled + (given - since.given) - (dropped - since.dropped)
    // Less than before: somebody has set the counter anew.
    const all = until(this.#counter, now => now >= due || now < since.handled, { timeout })
    await all.wait().catch(() => {})
  }

  /** The camera is busy until its plugins have handled all. */
  get #waits(): boolean {
    return isPresent(this.#driver.waitForPlugins) && isPresent(this.#driver.acquireBusy)
  }

  async #counts(): Promise<Counts> {
    const { droppedArrays } = this.#plugin
    const [given, handled, dropped] = await Promise.all([
      this.#driver.arrayCounter.get(),
      this.#counter.get(),
      isPresent(droppedArrays) ? droppedArrays.get() : 0,
    ])
    return { given, handled, dropped }
  }
}
