import { formatSeconds, type SignalR, Status, until } from "@ophyd-ts/core"
import type { AdDriver } from "../device/ad-driver.ts"
import { isPresent } from "../device/optional.ts"
import { AreaDetectorError, CameraError } from "../errors.ts"
import type { ArmLogic } from "./logic.ts"

export interface ArmOptions {
  /** Seconds within which the camera must have started, or stopped; default 10. */
  timeout?: number | undefined
  /** True while the camera takes frames or waits for its trigger, where it says so; default `Acquire_RBV`. */
  armed?: SignalR<boolean> | undefined
}

/** Starts and stops a camera by `Acquire`, whose completion tells that all frames were handled. */
export class AcquireLogic implements ArmLogic {
  readonly #driver: AdDriver
  readonly #timeout: number
  readonly #armed: SignalR<boolean>
  #acquisition: Status<void> | null = null

  constructor(driver: AdDriver, options: ArmOptions = {}) {
    this.#driver = driver
    this.#timeout = options.timeout ?? 10
    this.#armed = options.armed ?? driver.acquire
  }

  start(): Status<void> {
    const acquisition = this.#driver.acquire.set(true)
    this.#acquisition = acquisition
    return acquisition
  }

  async started(acquisition: Status<void>): Promise<void> {
    const shows = until(this.#armed, true, { timeout: this.#timeout })
    // A short acquisition may be over before anybody sees it.
    await Promise.race([shows, acquisition])
    shows.cancel()
  }

  async ensureStopped(): Promise<void> {
    const { acquire, acquireBusy, stopAcquire, name } = this.#driver
    const busy = isPresent(acquireBusy) ? acquireBusy : acquire
    const [acquires, isBusy] = await Promise.all([acquire.get(), busy.get()])
    const pending = this.#acquisition
    this.#acquisition = null
    if (!acquires && !isBusy && (pending === null || pending.done)) return
    await stopAcquire.trigger({ timeout: this.#timeout })
    const stopping = [until(acquire, false), until(busy, false)]
    const all = Status.all(stopping, { timeout: this.#timeout })
    await all.wait().catch(cause => {
      all.cancel()
      throw new AreaDetectorError(
        "NOT_STOPPED",
        `${name}: ${acquire.source} still shows an acquisition ${formatSeconds(this.#timeout)} after it was told to stop`,
        { cause },
      )
    })
    // The server answers the write that began it; a new one must not come before.
    await pending?.wait({ timeout: this.#timeout }).catch(() => {})
  }

  async check(): Promise<void> {
    const { detectorState, name } = this.#driver
    const state = await detectorState.get()
    if (state === "Error" || state === "Disconnected") throw await this.#failure(name, state)
  }

  async duration(exposures: number): Promise<number> {
    const { acquireTime, acquirePeriod } = this.#driver
    const [time, period] = await Promise.all([
      acquireTime.get(),
      isPresent(acquirePeriod) ? acquirePeriod.get() : 0,
    ])
    return exposures * Math.max(time, period)
  }

  async #failure(name: string, state: string): Promise<CameraError> {
    const { statusMessage } = this.#driver
    return new CameraError(name, state, isPresent(statusMessage) ? await statusMessage.get() : "")
  }
}
