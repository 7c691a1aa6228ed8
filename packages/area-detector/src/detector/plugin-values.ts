import { formatSeconds, type MaybePromise, until } from "@ophyd-ts/core"
import type { AdDriver } from "../device/ad-driver.ts"
import { isPresent } from "../device/optional.ts"
import { AreaDetectorError, DroppedFramesError } from "../errors.ts"
import type { NdPlugin } from "../plugins/plugin.ts"
import { Backlog } from "./backlog.ts"
import { checkCallbacks } from "./callbacks.ts"
import type { AcquisitionStart, DataContext, DataLogic } from "./logic.ts"

/** What a plugin had counted before an acquisition. */
interface Before {
  readonly counter: number
  readonly dropped: number
}

/**
 * Plugins whose values are read with each point: makes sure that they belong to the newest frame. A plugin is up to date when
 * it has counted all frames of the acquisition. Where the camera waits for its plugins that is so at once.
 *
 * Counters are compared, and not the frames' numbers: what a driver numbers from, and when, is its own affair.
 */
export class PluginValues implements DataLogic {
  readonly #plugins: readonly NdPlugin[]
  readonly #driver: AdDriver
  readonly #timeout: number
  readonly #before = new Map<NdPlugin, Before>()
  #watched: readonly NdPlugin[] = []
  #backlogs: ReadonlyMap<NdPlugin, Backlog> = new Map()
  #flying = false
  /** A flight came after what is known of the plugins. */
  #flown = false

  /** `timeout`: seconds that a plugin may take for its frames after the end of the acquisition; default 10. */
  constructor(plugins: readonly NdPlugin[], driver: AdDriver, timeout = 10) {
    this.#plugins = plugins
    this.#driver = driver
    this.#timeout = timeout
  }

  async open({ settings }: DataContext): Promise<void> {
    this.#watched = this.#plugins.filter(hasValues)
    this.#backlogs = new Map(
      this.#watched.map(plugin => [
        plugin,
        new Backlog(this.#driver, plugin, plugin.arrayCounter, this.#timeout),
      ]),
    )
    await Promise.all(this.#plugins.map(plugin => settings.write(plugin.enableCallbacks, true)))
    await Promise.all([...this.#backlogs.values()].map(backlog => backlog.follow()))
  }

  begin(_info: unknown, { clean, flying }: AcquisitionStart): MaybePromise<void> {
    this.#flying = flying
    if (flying) this.#flown = true
    if (flying || (clean && !this.#flown)) return
    return Promise.all(this.#watched.map(plugin => this.#note(plugin))).then(() => {
      this.#flown = false
    })
  }

  /** The values of a flight are in no event, so they may be those of any frame. */
  async finish(frames: number | null, healthy: Promise<void>): Promise<boolean> {
    if (this.#flying || frames === null) return false
    const waited = await Promise.all(
      this.#watched.map(async plugin => {
        if (await this.#isFresh(plugin, frames)) return false
        await healthy
        await this.#waitFor(plugin, frames)
        return true
      }),
    )
    return waited.includes(true)
  }

  async close(): Promise<void> {
    this.#before.clear()
  }

  async #note(plugin: NdPlugin): Promise<void> {
    const { arrayCounter, droppedArrays } = plugin
    const backlog = this.#backlogs.get(plugin)
    await backlog?.drained()
    await backlog?.follow()
    const [counter, dropped] = await Promise.all([
      arrayCounter.get(),
      isPresent(droppedArrays) ? droppedArrays.get() : 0,
    ])
    this.#before.set(plugin, { counter, dropped })
  }

  async #isFresh(plugin: NdPlugin, frames: number): Promise<boolean> {
    const before = this.#before.get(plugin)
    if (before === undefined) return false
    const counter = await plugin.arrayCounter.get()
    if (countedSince(before.counter, counter) < frames) return false
    this.#before.set(plugin, { ...before, counter })
    return true
  }

  async #waitFor(plugin: NdPlugin, frames: number): Promise<void> {
    await this.#checkDropped(plugin)
    await checkCallbacks(plugin, this.#driver)
    const before = this.#before.get(plugin)?.counter ?? 0
    const counted = until(plugin.arrayCounter, now => countedSince(before, now) >= frames, {
      timeout: this.#timeout,
    })
    await counted.wait().catch(async cause => {
      await this.#checkDropped(plugin)
      const seen = countedSince(before, await plugin.arrayCounter.get())
      throw new AreaDetectorError(
        "STALE_VALUES",
        `${plugin.name}: its values are not those of the newest frame: it has counted ${seen} of ${frames} ${formatSeconds(this.#timeout)} after the acquisition (does MinCallbackTime or MaxArrayRate hold it back?)`,
        { cause },
      )
    })
    await this.#isFresh(plugin, frames)
  }

  async #checkDropped(plugin: NdPlugin): Promise<void> {
    const { droppedArrays, name } = plugin
    const before = this.#before.get(plugin)
    if (before === undefined || !isPresent(droppedArrays)) return
    const dropped = await droppedArrays.get()
    if (dropped <= before.dropped) return
    this.#before.set(plugin, { ...before, dropped })
    throw new DroppedFramesError(name, dropped - before.dropped)
  }
}

/** Somebody may have set the counter to 0 meanwhile. */
const countedSince = (before: number, now: number): number => (now >= before ? now - before : now)

/** It has values that take part in events. */
const hasValues = (plugin: NdPlugin): boolean =>
  plugin.kind !== "omitted" &&
  [...plugin.children.values()].some(({ kind }) => kind === "normal" || kind === "hinted")
