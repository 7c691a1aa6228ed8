import { formatSeconds, Status } from "@ophyd-ts/core"
import type { AdDriver } from "../device/ad-driver.ts"
import { isPresent } from "../device/optional.ts"
import { AreaDetectorError, DroppedFramesError } from "../errors.ts"
import type { NdPlugin } from "../plugins/plugin.ts"
import { checkCallbacks } from "./callbacks.ts"
import type { AcquisitionStart, DataContext, DataLogic } from "./logic.ts"

interface Counts {
  readonly counter: number
  readonly uniqueId: number
  readonly dropped: number
}

/**
 * Plugins whose values are read with each point: makes sure that they belong to the newest frame. Where the camera waits for its
 * plugins that is so at once; else, and when somebody changed that, it compares the frames' numbers.
 */
export class PluginValues implements DataLogic {
  readonly #plugins: readonly NdPlugin[]
  readonly #references: readonly NdPlugin[]
  readonly #driver: AdDriver
  readonly #timeout: number
  readonly #before = new Map<NdPlugin, Counts>()

  /**
   * `references` have frames of the same numbers, but no values. `timeout`: seconds that a plugin may take for a frame
   * after the end of the acquisition; default 10.
   */
  constructor(
    plugins: readonly NdPlugin[],
    driver: AdDriver,
    references: readonly NdPlugin[] = [],
    timeout = 10,
  ) {
    this.#plugins = plugins
    this.#references = references
    this.#driver = driver
    this.#timeout = timeout
  }

  async open({ settings }: DataContext): Promise<void> {
    await Promise.all(this.#plugins.map(plugin => settings.write(plugin.enableCallbacks, true)))
    await this.#note()
  }

  async begin(_info: unknown, { clean }: AcquisitionStart): Promise<void> {
    if (!clean) await this.#note()
  }

  async finish(_frames: unknown, healthy: Promise<void>): Promise<boolean> {
    let waited = false
    const watched = this.#plugins.filter(hasValues)
    if (watched.length === 0) return false
    const numbered = this.#references.map(plugin => plugin.uniqueId).filter(isPresent)
    const [counts, others] = await Promise.all([
      Promise.all(watched.map(countsOf)),
      Promise.all(numbered.map(uniqueId => uniqueId.get())),
    ])
    const newest = Math.max(...counts.map(count => count.uniqueId), ...others)
    await Promise.all(
      watched.map(async (plugin, i) => {
        const count = counts[i] as Counts
        if (this.#isFresh(plugin, count, newest)) {
          this.#before.set(plugin, count)
          return
        }
        waited = true
        await healthy
        this.#before.set(plugin, await this.#waitFor(plugin, newest))
      }),
    )
    return waited
  }

  async close(): Promise<void> {
    this.#before.clear()
  }

  async #note(): Promise<void> {
    await Promise.all(
      this.#plugins.filter(hasValues).map(async plugin => {
        this.#before.set(plugin, await countsOf(plugin))
      }),
    )
  }

  /** It has handled a frame of this acquisition, and no other plugin has seen a newer one. */
  #isFresh(plugin: NdPlugin, { counter, uniqueId, dropped }: Counts, newest: number): boolean {
    const before = this.#before.get(plugin)
    if (before !== undefined && dropped > before.dropped) {
      this.#before.set(plugin, { counter, uniqueId, dropped })
      throw new DroppedFramesError(plugin.name, dropped - before.dropped)
    }
    return counter !== before?.counter && uniqueId === newest
  }

  async #waitFor(plugin: NdPlugin, newest: number): Promise<Counts> {
    await checkCallbacks(plugin, this.#driver)
    const { arrayCounter, name } = plugin
    let latest = await countsOf(plugin)
    if (this.#isFresh(plugin, latest, newest)) return latest
    let end = () => {}
    let failure: unknown = null
    try {
      await new Status<void>({ timeout: this.#timeout }, action => {
        let over = false
        const fail = (thrown: unknown) => {
          if (over) return
          over = true
          failure = thrown
          action.fail(thrown)
        }
        const look = async () => {
          latest = await countsOf(plugin)
          if (over || !this.#isFresh(plugin, latest, newest)) return
          over = true
          action.finish()
        }
        const subscription = arrayCounter.subscribe(() => void look().catch(fail))
        end = () => {
          over = true
          subscription.unsubscribe()
        }
      })
    } catch (cause) {
      if (failure !== null) throw failure
      throw new AreaDetectorError(
        "STALE_VALUES",
        `${name}: its values are still those of frame ${latest.uniqueId}, not of ${newest}, ${formatSeconds(this.#timeout)} after the acquisition`,
        { cause },
      )
    } finally {
      end()
    }
    return latest
  }
}

/** It has values that take part in events. */
const hasValues = (plugin: NdPlugin): boolean =>
  plugin.kind !== "omitted" &&
  [...plugin.children.values()].some(({ kind }) => kind === "normal" || kind === "hinted")

async function countsOf(plugin: NdPlugin): Promise<Counts> {
  const { arrayCounter, uniqueId, droppedArrays } = plugin
  const [counter, id, dropped] = await Promise.all([
    arrayCounter.get(),
    isPresent(uniqueId) ? uniqueId.get() : 0,
    isPresent(droppedArrays) ? droppedArrays.get() : 0,
  ])
  return { counter, uniqueId: id, dropped }
}
