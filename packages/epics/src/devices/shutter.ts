import {
  boolean,
  choice,
  type Locatable,
  type Location,
  type SetOptions,
  SetSlot,
  type Status,
  until,
  ValueError,
  type Work,
} from "@ophyd-ts/core"
import { EpicsDevice, type EpicsDeviceOptions } from "../device/epics-device.ts"

/** What a shutter can be told. */
export type ShutterTarget = "Open" | "Close"

/** Where a shutter is. */
export type ShutterState = "Open" | "Closed" | "Between"

export interface ShutterOptions extends EpicsDeviceOptions {
  /** Seconds within which the blade arrives, or the `set` fails; default 10. */
  moveTimeout?: number | undefined
}

/** What all shutters share: `set("Open")` is done when the shutter says that it is open. */
export abstract class Shutter extends EpicsDevice implements Locatable<ShutterTarget> {
  readonly moveTimeout: number
  readonly #slot = new SetSlot()
  #target: ShutterTarget | null = null
  /** A move was begun and did not arrive: where the shutter is now need not be where it stays. */
  #astray = false

  constructor(prefix: string, options: ShutterOptions = {}) {
    super(prefix, options)
    this.moveTimeout = options.moveTimeout ?? 10
  }

  /** Where it is now. */
  abstract state(): Promise<ShutterState>

  /** Sets off and waits for the blade. */
  protected abstract move(target: ShutterTarget, work: Work): PromiseLike<unknown>

  /**
   * Done when the shutter is there, at once when it is there already. A newer `set` takes the place of one under way: a shutter
   * must always be free to close.
   */
  set(target: ShutterTarget, options: SetOptions = {}): Status<void> {
    if (target !== "Open" && target !== "Close")
      throw new ValueError(`${this.name}: ${JSON.stringify(target)} is none of "Open", "Close"`)
    const timeout = options.timeout ?? this.moveTimeout
    const what = { name: this.name, action: "set", target, timeout, signal: options.signal }
    return this.#slot.start<void>(what, "supersede", action => {
      this.#go(target, action).then(action.finish, action.fail)
    })
  }

  async locate(): Promise<Location<ShutterTarget>> {
    const readback = (await this.state()) === "Open" ? "Open" : "Close"
    return { setpoint: this.#target ?? readback, readback }
  }

  async #go(target: ShutterTarget, work: Work): Promise<void> {
    this.#target = target
    if (!this.#astray && (await this.state()) === (target === "Open" ? "Open" : "Closed")) return
    if (work.signal.aborted) return
    this.#astray = true
    await this.move(target, work)
    this.#astray = false
  }
}

/** A shutter with one PV to ask and one that tells: `Request` and `Position_RBV`. */
export class EpicsShutter extends Shutter {
  readonly request = this.signal.rw(choice("Close", "Open"), "Request", { whenBusy: "supersede" })
  readonly position = this.signal.r(choice("Closed", "Open", "Between"), "Position_RBV", { kind: "hinted" })

  state(): Promise<ShutterState> {
    return this.position.get()
  }

  protected async move(target: ShutterTarget, { signal }: Work): Promise<void> {
    await this.request.set(target, { signal })
    await until(this.position, target === "Open" ? "Open" : "Closed", { signal })
  }
}

export interface ApsPssShutterOptions extends ShutterOptions {
  /** Whole name of the PV of the personnel safety system that is on while the shutter is open: `PA:02BM:STA_A_FES_OPEN_PL`. */
  statePv: string
}

/**
 * A shutter of the APS personnel safety system: one bit to open, one to close, which reset themselves, and a PV that tells. The
 * system may refuse in silence (hutch not searched): then the `set` fails after `moveTimeout` seconds and says where the
 * shutter is.
 */
export class ApsPssShutter extends Shutter {
  readonly openCommand = this.signal.x(boolean, "Open", true, { kind: "omitted", completion: false })
  readonly closeCommand = this.signal.x(boolean, "Close", true, { kind: "omitted", completion: false })
  /** On while it is open. */
  readonly pssState

  constructor(prefix: string, options: ApsPssShutterOptions) {
    super(prefix, options)
    const { statePv } = options
    const name = statePv.includes("://") ? statePv : `${this.protocol}://${statePv}`
    this.pssState = this.signal.r(boolean, name, { kind: "hinted" })
  }

  async state(): Promise<ShutterState> {
    return (await this.pssState.get()) ? "Open" : "Closed"
  }

  protected async move(target: ShutterTarget, { signal }: Work): Promise<void> {
    await (target === "Open" ? this.openCommand : this.closeCommand).trigger({ signal })
    await until(this.pssState, target === "Open", { signal })
  }
}
