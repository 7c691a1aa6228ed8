import {
  type Action,
  type Checkable,
  type Locatable,
  type Location,
  type Reading,
  reportCallbackError,
  type SetOptions,
  SetSlot,
  type SignalR,
  type SignalRW,
  type SignalX,
  type Status,
  StatusCancelledError,
  type Subscribable,
  type Subscription,
  SupersededError,
  type WhenBusy,
} from "@ophyd-ts/core"
import { EpicsDevice, type EpicsDeviceOptions } from "../../device/epics-device.ts"
import { EpicsError } from "../../errors.ts"
import { checkPosition } from "../../position.ts"

export interface PositionerOptions extends EpicsDeviceOptions {
  /** What a `set` does while a move is under way; default `reject`. */
  whenBusy?: WhenBusy | undefined
  /** Seconds until a move fails; default none. */
  moveTimeout?: number | undefined
  /** Seconds between arriving and "done"; default 0. */
  settleTime?: number | undefined
}

export interface PositionerSetOptions extends SetOptions {
  whenBusy?: WhenBusy | undefined
  settleTime?: number | undefined
}

/** A move that is on its way. */
interface Travel {
  /** Ends the waiting for arrival. */
  readonly halt: AbortController
  stopped: { success: boolean } | null
}

/** Seconds that a stopped axis has to say that it rests. */
const restTime = 10

/**
 * An axis made of PVs that somebody chose: what to write, what to read, how to stop. Its subclasses differ in how
 * they know that a move is over.
 *
 * A move that is cancelled or timed out stops the axis if there is a `stopCommand`.
 */
export abstract class Positioner
  extends EpicsDevice
  implements Locatable<number>, Checkable<number>, Subscribable<number>
{
  /** Where it shall go. Its control limits are those of the axis. */
  abstract readonly setpoint: SignalRW<number>
  /** Where it is; without one, the setpoint's value. Declare it with `as: ""` to name it like the axis. */
  declare readonly readback?: SignalR<number>
  /** Sets off, for an axis that does not by the setpoint alone. */
  declare readonly actuate?: SignalX<unknown>
  declare readonly stopCommand?: SignalX<unknown>

  readonly whenBusy: WhenBusy
  readonly moveTimeout: number | undefined
  readonly settleTime: number | undefined
  readonly #slot = new SetSlot()
  #travel: Travel | null = null

  constructor(prefix: string, options: PositionerOptions = {}) {
    super(prefix, options)
    this.whenBusy = options.whenBusy ?? "reject"
    this.moveTimeout = options.moveTimeout
    this.settleTime = options.settleTime
  }

  /** Sends the axis off with `begin` and ends when it has arrived; rejects when `signal` is aborted. */
  protected abstract travel(target: number, signal: AbortSignal): Promise<void>

  /** Whether the axis rests, for subclasses that can tell; `stop` waits for it. */
  protected resting(_signal: AbortSignal): PromiseLike<unknown> | null {
    return null
  }

  get position(): SignalR<number> {
    return this.readback ?? this.setpoint
  }

  get units(): string | undefined {
    return this.position.metadata.units
  }

  /** Moves. Throws before anything is written when the position is no number or outside the limits, or while it moves. */
  set(position: number, options: PositionerSetOptions = {}): Status<void> {
    this.checkValue(position)
    const { whenBusy = this.whenBusy, signal } = options
    const what = {
      name: this.name,
      action: "move to",
      target: position,
      unit: this.units,
      timeout: options.timeout ?? this.moveTimeout,
      settleTime: options.settleTime ?? this.settleTime,
      signal,
      clock: this.setpoint.clock,
    }
    return this.#slot.start<void>(what, whenBusy, action => {
      this.#move(position, action).then(action.finish, action.fail)
    })
  }

  checkValue(position: number): void {
    this.setpoint.checkValue(position)
    checkPosition(this.name, position)
  }

  async locate(): Promise<Location<number>> {
    const [{ setpoint }, readback] = await Promise.all([this.setpoint.locate(), this.position.get()])
    return { setpoint, readback }
  }

  subscribeReadings(fn: (readings: Record<string, Reading<number>>) => void): Subscription {
    return this.position.subscribeReadings(fn)
  }

  /**
   * Stops the axis. The `set` under way ends: as failed and stopped, or, with `success`, as done where it is. Without a
   * `stopCommand` nothing is written: the `set` ends, the axis goes on.
   */
  override async stop({ success = false }: { success?: boolean } = {}): Promise<void> {
    const travel = this.#travel
    if (travel !== null) travel.stopped ??= { success }
    try {
      await this.stopCommand?.trigger()
      if (travel !== null) await this.resting(AbortSignal.timeout(restTime * 1000))
    } finally {
      travel?.halt.abort(new Error("stopped"))
    }
  }

  /** Writes the target and sets off. With `completion`, done when the server has finished. */
  protected async begin(target: number, completion: boolean, signal: AbortSignal): Promise<void> {
    const { actuate } = this
    const whenBusy = "supersede"
    if (actuate === undefined) await this.setpoint.set(target, { completion, signal, whenBusy })
    else {
      await this.setpoint.set(target, { signal, whenBusy })
      await actuate.trigger({ completion, signal, whenBusy })
    }
  }

  async #move(target: number, action: Action<void>): Promise<void> {
    const travel: Travel = { halt: new AbortController(), stopped: null }
    this.#travel = travel
    action.onCancel(reason => {
      travel.halt.abort(reason)
      this.#cancelled(reason)
    })
    let initial: number | undefined
    const { units, precision } = this.position.metadata
    const unit = units === undefined ? {} : { unit: units }
    const progress = this.position.subscribe(({ value }) => {
      initial ??= value
      action.progress({
        initial,
        current: value,
        target,
        ...unit,
        ...(precision === undefined ? {} : { precision }),
      })
    })
    try {
      await this.travel(target, travel.halt.signal)
    } catch (error) {
      if (travel.stopped === null) throw error
    } finally {
      progress.unsubscribe()
      if (this.#travel === travel) this.#travel = null
    }
    if (travel.stopped?.success !== false) return
    const at = await this.position.get()
    const shown = Number(at.toFixed(precision ?? 6))
    throw new EpicsError(
      "POSITIONER_STOPPED",
      `it was stopped at ${shown}${units === undefined ? "" : ` ${units}`}`,
    )
  }

  /** Given up from outside: the axis must not go on, unless a newer target has taken over. */
  #cancelled(reason: Error): void {
    if (reason instanceof StatusCancelledError && reason.cause instanceof SupersededError) return
    const report = (error: unknown) =>
      reportCallbackError(error, `stopping ${this.name} after ${reason.message}`)
    try {
      this.stopCommand?.trigger().onDone(({ error }) => error !== null && report(error))
    } catch (thrown) {
      report(thrown)
    }
  }
}
