import {
  boolean,
  type Checkable,
  type Component,
  choice,
  double,
  type Flyable,
  LimitError,
  type Locatable,
  type Location,
  type Movable,
  type Preparable,
  type Reading,
  type SetOptions,
  SetSlot,
  type Status,
  type Subscribable,
  type Subscription,
  string,
  type WhenBusy,
} from "@ophyd-ts/core"
import { EpicsDevice, type EpicsDeviceOptions } from "../device/epics-device.ts"
import { checkPosition } from "../position.ts"
import { Flight, type MotorFlight } from "./flight.ts"
import { Move } from "./move.ts"

/** The worst alarm with which a move still counts as arrived. */
export type ToleratedAlarm = "none" | "minor" | "major" | "invalid"

export interface EpicsMotorOptions extends EpicsDeviceOptions {
  /** What a `set` does while the motor moves for another one; default `reject`. */
  whenBusy?: WhenBusy | undefined
  /** Default `minor`. */
  toleratedAlarm?: ToleratedAlarm | undefined
}

export interface MotorSetOptions extends SetOptions {
  whenBusy?: WhenBusy | undefined
  /** Seconds between arriving and "done"; default 0. */
  settleTime?: number | undefined
}

/** A limit has itself as its limit, and is needed whenever a move begins. */
const limit = { kind: "omitted", monitor: "always", checkLimits: false } as const

/**
 * An EPICS motor record; its keys in documents are those of ophyd's. Moves end with the record's own put completion, which covers back-lash, retries and settling.
 *
 * A move fails when it takes longer than distance / velocity + 2 × acceleration time + 10 s (unless `timeout` says
 * otherwise), when the record reports a soft-limit violation, missed target, limit switch or alarm, and when it is
 * stopped. A move that is cancelled or timed out stops the motor.
 */
export class EpicsMotor
  extends EpicsDevice
  implements
    Movable<number>,
    Locatable<number>,
    Checkable<number>,
    Subscribable<number>,
    Preparable<MotorFlight>,
    Flyable
{
  /** Named like the motor. */
  readonly readback = this.signal.r(double, ".RBV", { kind: "hinted", as: "" })
  readonly setpoint = this.signal.rw(double, ".VAL", { checkLimits: false, as: "user_setpoint" })
  readonly offset = this.signal.rw(double, ".OFF", { kind: "config", as: "user_offset" })
  readonly offsetDir = this.signal.rw(choice("Pos", "Neg"), ".DIR", { kind: "config", as: "user_offset_dir" })
  readonly velocity = this.signal.rw(double, ".VELO", { kind: "config" })
  /** Seconds from rest to velocity. */
  readonly acceleration = this.signal.rw(double, ".ACCL", { kind: "config" })
  readonly egu = this.signal.r(string, ".EGU", { kind: "config", as: "motor_egu" })
  readonly offsetFreezeSwitch = this.signal.rw(choice("Variable", "Frozen"), ".FOFF", { kind: "omitted" })
  readonly setUseSwitch = this.signal.rw(choice("Use", "Set"), ".SET", { kind: "omitted" })
  readonly done = this.signal.r(boolean, ".DMOV", { kind: "omitted", mockInitial: true })
  readonly moving = this.signal.r(boolean, ".MOVN", { kind: "omitted" })
  readonly direction = this.signal.r(boolean, ".TDIR", { kind: "omitted" })
  readonly highLimitSwitch = this.signal.r(boolean, ".HLS", { kind: "omitted" })
  readonly lowLimitSwitch = this.signal.r(boolean, ".LLS", { kind: "omitted" })
  readonly highLimit = this.signal.rw(double, ".HLM", limit)
  readonly lowLimit = this.signal.rw(double, ".LLM", limit)
  readonly limitViolation = this.signal.r(boolean, ".LVIO", { kind: "omitted" })
  readonly missed = this.signal.r(boolean, ".MISS", { kind: "omitted" })
  /** 0 when the record states none. */
  readonly maxVelocity = this.signal.r(double, ".VMAX", { kind: "omitted" })
  readonly homeForward = this.signal.x(boolean, ".HOMF", true, { kind: "omitted" })
  readonly homeReverse = this.signal.x(boolean, ".HOMR", true, { kind: "omitted" })
  /** Never waited for: it resets itself, and completion would come with the end of the move. */
  readonly stopCommand = this.signal.x(boolean, ".STOP", true, {
    kind: "omitted",
    completion: false,
    whenBusy: "queue",
  })

  readonly whenBusy: WhenBusy
  readonly toleratedAlarm: ToleratedAlarm
  readonly #slot = new SetSlot()
  readonly #flight = new Flight(this)
  #move: Move | null = null

  constructor(prefix: string, options: EpicsMotorOptions = {}) {
    super(prefix, options)
    this.whenBusy = options.whenBusy ?? "reject"
    this.toleratedAlarm = options.toleratedAlarm ?? "minor"
  }

  get units(): string | undefined {
    return this.readback.metadata.units
  }

  /**
   * Moves. Throws before anything moves when the position is no number or outside the motor's limits, or while another
   * move is under way (see `whenBusy`).
   */
  set(position: number, options: MotorSetOptions = {}): Status<void> {
    this.checkValue(position)
    const { timeout, settleTime, signal, whenBusy = this.whenBusy } = options
    const what = {
      name: this.name,
      action: "move to",
      target: position,
      unit: this.units,
      timeout,
      settleTime,
      signal,
    }
    return this.#slot.start<void>({ ...what, clock: this.setpoint.clock }, whenBusy, action => {
      this.#move = new Move(this, position, action, timeout === undefined)
    })
  }

  /** Throws when the position is no number or outside the limits `LLM` to `HLM`; equal ones mean that there are none. */
  checkValue(position: number): void {
    this.setpoint.checkValue(position)
    const low = this.lowLimit.latest?.value ?? 0
    const high = this.highLimit.latest?.value ?? 0
    if (low < high && !(position >= low && position <= high))
      throw new LimitError(this.name, position, low, high, this.units)
    checkPosition(this.name, position)
  }

  async locate(): Promise<Location<number>> {
    const [setpoint, readback] = await Promise.all([this.setpoint.get(), this.readback.get()])
    return { setpoint, readback }
  }

  subscribeReadings(fn: (readings: Record<string, Reading<number>>) => void): Subscription {
    return this.readback.subscribeReadings(fn)
  }

  /**
   * Stops the motor; done when it has come to rest. Then the `set` under way has ended: as failed and stopped, or, with
   * `success`, as done where it is.
   */
  override async stop({ success = false }: { success?: boolean } = {}): Promise<void> {
    const moving = this.#slot.pending
    this.#move?.stopping(success)
    await this.stopCommand.trigger()
    // How the move ends is told by its own status.
    await moving?.then(nothing, nothing)
  }

  /**
   * Makes ready to pass from `start` to `end` in `time` seconds: moves to where the run-up begins, then sets the velocity.
   * Throws for a flight that is none; fails when run-up or slow-down would leave the limits, or the velocity is too high.
   */
  prepare(flight: MotorFlight): Status<void> {
    return this.#flight.prepare(flight)
  }

  /** Sets off; done when the motor passes `start`, at full velocity. Throws when it was not prepared. */
  kickoff(): Status<void> {
    return this.#flight.kickoff()
  }

  /** Done when the motor rests behind `end`, with the progress of the flight; it has its former velocity again. */
  complete(): Status<void> {
    return this.#flight.complete()
  }

  override async unstage(): Promise<Component[]> {
    await this.#flight.restore()
    return await super.unstage()
  }
}

const nothing = () => {}
