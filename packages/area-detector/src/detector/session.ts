import {
  type DataKeys,
  formatSeconds,
  type MaybePromise,
  type Status,
  type StreamAsset,
  toError,
  type Work,
} from "@ophyd-ts/core"
import type { AdDriver } from "../device/ad-driver.ts"
import { isPresent } from "../device/optional.ts"
import { AreaDetectorError } from "../errors.ts"
import { awaitConnection } from "./connection.ts"
import type { ArmLogic, DataLogic, TriggerLogic, TriggerRequest } from "./logic.ts"
import { Settings } from "./settings.ts"
import {
  type FullTriggerInfo,
  framesOf,
  fullTriggerInfo,
  isFlight,
  type TriggerInfo,
} from "./trigger-info.ts"

/** What a session works with. */
export interface SessionParts {
  /** Name of the detector. */
  readonly name: string
  readonly driver: AdDriver
  readonly trigger: TriggerLogic
  readonly arm: ArmLogic
  readonly data: readonly DataLogic[]
  /** Seconds for a setting to be verified, and for a lost connection to come back. */
  readonly timeout: number
}

/** An acquisition under way. */
interface Acquisition {
  readonly info: FullTriggerInfo
  readonly done: Status<void>
  /** It was stopped: nobody waits for its frames. */
  broken: boolean
}

/** A detector from `stage` to `unstage`: what was set, what was prepared, what is being taken. */
export class Session {
  readonly #parts: SessionParts
  readonly #settings: Settings
  #info: FullTriggerInfo | null = null
  #acquisition: Acquisition | null = null
  /** The acquisition before ended well, so that its counts can be trusted. */
  #clean = false
  #lost = false
  #stopping: Promise<void> | null = null
  /** How often it was stopped: what began before must not go on after. */
  #stops = 0
  /** Ends with what sets up an acquisition; null when nothing does. */
  #preparing: Promise<void> | null = null
  #unwatch = () => {}

  constructor(parts: SessionParts) {
    this.#parts = parts
    this.#settings = new Settings(parts.timeout)
  }

  /** Prepares the camera and all that takes its frames. Fails before anything moves. */
  async begin(): Promise<void> {
    const { driver, data, name } = this.#parts
    const settings = this.#settings
    this.#unwatch = driver.acquire.onConnection(up => {
      if (!up) this.#lost = true
    })
    await Promise.all([
      settings.write(driver.arrayCallbacks, true),
      isPresent(driver.waitForPlugins) ? settings.write(driver.waitForPlugins, true) : undefined,
    ])
    await all(data.map(logic => () => logic.open({ detector: name, settings })))
  }

  /** Sets what the camera waits for. With an external trigger it is armed at once, so that none is missed. */
  async prepare(given: TriggerInfo): Promise<void> {
    if (this.#lost) await this.#recover()
    const info = fullTriggerInfo(this.#parts.name, given)
    const prepare = this.#preparer(info)
    const { trigger, name } = this.#parts
    if (info.exposuresPerCollection > 1 && trigger.exposures === undefined) {
      throw new AreaDetectorError(
        "BAD_TRIGGER_INFO",
        `${name}: cannot add up ${info.exposuresPerCollection} exposures to one frame`,
      )
    }
    const request: TriggerRequest = {
      frames: framesOf(info),
      livetime: info.livetime,
      deadtime: info.deadtime > 0 ? info.deadtime : ((await trigger.deadtime?.()) ?? 0),
    }
    this.#info = null
    if (this.#acquisition !== null) await this.stop()
    await this.#setUp(async () => {
      await trigger.exposures?.(info.exposuresPerCollection, this.#settings)
      await prepare(request, this.#settings)
    })
    for (const logic of this.#parts.data) logic.prepare?.(info)
    this.#info = info
    if (info.trigger === "internal") return
    const { done } = await this.#start(info, true)
    await this.#parts.arm.started(done)
  }

  /** One event: starts the camera, waits for its frames, and gives what `read` gives for the newest of them. */
  async step<T>(work: Work, read: () => MaybePromise<T>): Promise<T> {
    if (this.#lost) await this.#recover()
    if (this.#info === null) await this.prepare((await this.#parts.trigger.defaultTrigger?.()) ?? {})
    const info = this.#info as unknown as FullTriggerInfo
    if (isFlight(info)) {
      throw new AreaDetectorError(
        "BAD_TRIGGER_INFO",
        `${this.#parts.name}: is prepared for ${info.numberOfEvents} events by ${info.trigger} trigger; a trigger takes one, by internal trigger: use kickoff and complete`,
      )
    }
    const acquisition = await this.#start(info, false)
    work.onCancel(() => void this.stop().catch(() => {}))
    const forget = this.#limit(work, info)
    try {
      await acquisition.done
    } finally {
      forget()
    }
    this.#refuseBroken(acquisition)
    return await this.#finish(acquisition, info.collectionsPerEvent, read)
  }

  /** Done when the camera takes frames, or waits for its trigger. */
  async kickoff(): Promise<void> {
    if (this.#lost) await this.#recover()
    const { name, arm } = this.#parts
    const info = this.#info
    if (info === null) throw new AreaDetectorError("NOT_PREPARED", `${name}: prepare it before kickoff`)
    const acquisition = this.#acquisition ?? (await this.#start(info, true))
    await arm.started(acquisition.done)
  }

  /** Done when all frames of the flight are where they belong. A flight without end is ended. */
  async complete(work: Work): Promise<void> {
    const { name, arm, data } = this.#parts
    const acquisition = this.#acquisition
    if (acquisition === null) {
      throw new AreaDetectorError("NOT_PREPARED", `${name}: kick it off before complete`)
    }
    const { info } = acquisition
    const frames = framesOf(info)
    work.onCancel(() => void this.stop().catch(() => {}))
    const ends: (() => void)[] = []
    const failing = new Promise<never>((_, reject) => {
      for (const logic of data) ends.push(logic.guard?.(reject) ?? nothing)
    })
    failing.catch(() => {})
    ends.push(this.#reportProgress(work, info), this.#limit(work, info))
    try {
      if (frames === 0) await arm.ensureStopped()
      await Promise.race([acquisition.done, failing])
      this.#refuseBroken(acquisition)
      const finishing = this.#finish(acquisition, frames === 0 ? null : frames, () => null)
      await Promise.race([finishing, failing])
    } catch (thrown) {
      // A camera that cannot be stopped, too, is told at the latest when it is unstaged.
      await this.stop().catch(nothing)
      throw thrown
    } finally {
      for (const end of ends) end()
    }
  }

  /** Stops the camera. Whoever waits for its frames gets an error. */
  stop(): Promise<void> {
    this.#breakOff()
    const stopping = this.#parts.arm.ensureStopped().finally(() => {
      if (this.#stopping === stopping) this.#stopping = null
    })
    this.#stopping = stopping
    return stopping
  }

  #breakOff(): void {
    this.#stops++
    this.#clean = false
    if (this.#acquisition !== null) this.#acquisition.broken = true
    this.#acquisition = null
    for (const logic of this.#parts.data) logic.breakOff?.()
  }

  get flying(): boolean {
    return this.#acquisition !== null && isFlight(this.#acquisition.info)
  }

  /** Events that all have written; infinite for a detector that writes no file. */
  async index(): Promise<number> {
    const indices = await Promise.all(
      this.#parts.data.flatMap(logic => (logic.index === undefined ? [] : [logic.index()])),
    )
    return Math.min(...indices)
  }

  async *assets(upTo: number): AsyncIterable<StreamAsset> {
    for (const logic of this.#parts.data) if (logic.assets !== undefined) yield* logic.assets(upTo)
  }

  async describe(): Promise<DataKeys> {
    const keys = await Promise.all(this.#parts.data.map(logic => logic.describe?.()))
    return Object.assign({}, ...keys) as DataKeys
  }

  /** Stops, closes files, puts all settings back: whatever can still be reached. Goes on after a failure and gives the errors. */
  async end(): Promise<Error[]> {
    this.#unwatch()
    const { driver, data, name } = this.#parts
    const errors: Error[] = []
    const attempt = async (what: Promise<unknown>) => {
      await what.catch(thrown => errors.push(toError(thrown)))
    }
    if (driver.acquire.connected) await attempt(this.stop())
    else {
      this.#breakOff()
      const why = `${name}: ${driver.acquire.source} is not connected, so the camera could not be stopped`
      errors.push(new AreaDetectorError("SETTINGS_LOST", why))
    }
    // What an end finds half-way must not open files, or write settings, behind it.
    await this.#preparing
    await Promise.all(data.map(logic => attempt(logic.close())))
    errors.push(...(await this.#settings.restore(name)))
    return errors
  }

  #preparer(info: FullTriggerInfo): NonNullable<TriggerLogic["internal"]> {
    const { name, trigger } = this.#parts
    const known = {
      internal: trigger.internal,
      "external-edge": trigger.externalEdge,
      "external-level": trigger.externalLevel,
    }
    const prepare = known[info.trigger]
    if (prepare !== undefined) return prepare.bind(trigger)
    const names = Object.entries(known).flatMap(([kind, fn]) => (fn === undefined ? [] : [kind]))
    throw new AreaDetectorError(
      "BAD_TRIGGER_INFO",
      `${name}: knows no ${info.trigger} trigger, only ${names.join(", ") || "none"}`,
    )
  }

  async #start(info: FullTriggerInfo, flying: boolean): Promise<Acquisition> {
    const { arm, data, name } = this.#parts
    if (this.#stopping !== null) await this.#stopping
    if (this.#acquisition !== null) {
      throw new AreaDetectorError("BAD_TRIGGER_INFO", `${name}: takes frames already`)
    }
    const settingUp = this.#setUp(() => {
      const clean = this.#clean
      this.#clean = false
      return all(data.map(logic => () => logic.begin?.(info, { clean, flying })))
    })
    if (settingUp !== undefined) await settingUp
    const done = arm.start()
    const acquisition = { info, done, broken: false }
    this.#acquisition = acquisition
    done.onDone(({ error }) => {
      if (error !== null && this.#acquisition === acquisition) this.#acquisition = null
    })
    return acquisition
  }

  /** One after the other. Throws when it was stopped meanwhile. Gives no promise for what takes no time. */
  #setUp(work: () => MaybePromise<void>): MaybePromise<void> {
    const stops = this.#stops
    const refuse = () => {
      if (this.#stops === stops) return
      throw new AreaDetectorError("NOT_STOPPED", `${this.#parts.name}: was stopped while it was being set up`)
    }
    const working =
      this.#preparing?.then(() => {
        refuse()
        return work()
      }) ?? work()
    if (working === undefined) return
    const over = working.then(nothing, nothing).then(() => {
      if (this.#preparing === over) this.#preparing = null
    })
    this.#preparing = over
    return working.then(refuse)
  }

  /**
   * Limits the time of an acquisition by what the camera says that it takes. It is asked when the acquisition is not over within
   * a second, so that short ones need no question. Somebody else's trigger, and a flight without end, have no such limit.
   */
  #limit(work: Work, info: FullTriggerInfo): () => void {
    const { arm, driver } = this.#parts
    const frames = framesOf(info)
    if (info.trigger !== "internal" || frames === 0) return nothing
    let over = false
    const stopTimer = driver.acquire.clock.after(1, () => {
      Promise.resolve(arm.duration(frames * info.exposuresPerCollection)).then(
        seconds => over || work.limit(seconds + info.exposureTimeout),
        nothing,
      )
    })
    return () => {
      over = true
      stopTimer()
    }
  }

  async #finish<T>(acquisition: Acquisition, frames: number | null, read: () => MaybePromise<T>): Promise<T> {
    const { arm, data } = this.#parts
    const stops = this.#stops
    if (this.#acquisition === acquisition) this.#acquisition = null
    // All questions go out together. Nobody waits for frames of a camera that failed.
    const healthy = arm.check()
    const finishing = data.map(logic => logic.finish(frames, healthy))
    // After the counters: values that are asked for before them may be older than what they count.
    const reading = Promise.resolve(read())
    reading.catch(() => {})
    // A frame that one still waits for, while another has failed, would pass for that of the next try.
    const ended = await Promise.allSettled([healthy, ...finishing])
    const waited = ended.map(result => {
      if (result.status === "rejected") throw result.reason
      return result.value === true
    })
    const readings = waited.includes(true) ? await read() : await reading
    if (this.#stops === stops) this.#clean = true
    return readings
  }

  #refuseBroken({ broken }: Acquisition): void {
    if (broken) throw new AreaDetectorError("NOT_STOPPED", `${this.#parts.name}: the acquisition was stopped`)
  }

  /** Also gives an external trigger its time anew with each frame. */
  #reportProgress(work: Work, info: FullTriggerInfo): () => void {
    const writer = this.#parts.data.find(logic => logic.progress !== undefined)
    const perFrame = info.livetime + info.deadtime + info.exposureTimeout
    const external = info.trigger !== "internal" && info.numberOfEvents !== 0
    if (external) work.limit(perFrame)
    const stop = writer?.progress?.(frames => {
      if (external) work.limit(perFrame)
      if (info.numberOfEvents === 0) return
      const current = Math.floor(frames / info.collectionsPerEvent)
      work.progress({ current, initial: 0, target: info.numberOfEvents, unit: "events" })
    })
    return stop ?? nothing
  }

  /** After a lost connection: what was staged must still be so, else the next frames would be something else. */
  async #recover(): Promise<void> {
    const { driver, name, timeout } = this.#parts
    if (!(await awaitConnection(driver.acquire, timeout))) {
      throw new AreaDetectorError(
        "SETTINGS_LOST",
        `${name}: the connection to ${driver.acquire.source} is lost and did not come back within ${formatSeconds(timeout)}`,
      )
    }
    // What it was taking meanwhile began before whatever comes next.
    await this.stop()
    const changed = await this.#settings.changed()
    if (changed.length > 0) {
      throw new AreaDetectorError(
        "SETTINGS_LOST",
        `${name}: after the connection was lost the camera is no longer as it was staged (was the IOC restarted?): ${changed.join("; ")}`,
      )
    }
    this.#lost = false
  }
}

const nothing = () => {}

/**
 * Begins all and waits for them, then throws what failed first in their order: nothing goes on behind an error. Gives no
 * promise where none of them does.
 */
function all(works: readonly (() => MaybePromise<unknown>)[]): MaybePromise<void> {
  const begun = works.map(work => {
    try {
      return work()
    } catch (thrown) {
      return Promise.reject(thrown)
    }
  })
  if (!begun.some(one => one instanceof Promise)) return
  return Promise.allSettled(begun).then(results => {
    const failed = results.find(result => result.status === "rejected")
    if (failed !== undefined) throw failed.reason
  })
}
