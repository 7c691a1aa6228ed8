import {
  type Action,
  type Reading,
  reportCallbackError,
  StatusCancelledError,
  SupersededError,
  until,
} from "@ophyd-ts/core"
import { EpicsError } from "../errors.ts"
import type { EpicsMotor, ToleratedAlarm } from "./epics-motor.ts"

const severities: Record<ToleratedAlarm, number> = { none: 0, minor: 1, major: 2, invalid: 3 }

/** Seconds beyond the time that a move takes by velocity and acceleration. */
const allowance = 10

/** One move of a motor, from the write of its target to the truth about its end. */
export class Move {
  readonly #motor: EpicsMotor
  readonly #target: number
  readonly #action: Action<void>
  readonly #ownLimit: boolean
  #over = false
  #stopped: { success: boolean } | null = null
  #restTime = 0

  /** `ownLimit`: the move sets its own time-out. */
  constructor(motor: EpicsMotor, target: number, action: Action<void>, ownLimit: boolean) {
    this.#motor = motor
    this.#target = target
    this.#action = action
    this.#ownLimit = ownLimit
    action.onCancel(reason => this.#cancelled(reason))
    this.#run().then(
      () => this.#end(() => action.finish()),
      error => this.#end(() => action.fail(error)),
    )
  }

  /** The motor is being told to stop: the move ends when it rests. */
  stopping(success: boolean): void {
    if (this.#over || this.#stopped !== null) return
    this.#stopped = { success }
    this.#action.limit(this.#restTime + allowance)
  }

  async #run(): Promise<void> {
    const motor = this.#motor
    const [start, velocity, acceleration] = await Promise.all([
      motor.readback.get(),
      motor.velocity.get(),
      motor.acceleration.get(),
    ])
    if (this.#over) return
    this.#restTime = 2 * acceleration
    if (this.#stopped !== null)
      throw new EpicsError("MOTOR_STOPPED", `it was stopped before it started, at ${this.#at(start)}`)
    if (this.#ownLimit && velocity > 0) {
      this.#action.limit(Math.abs(this.#target - start) / velocity + this.#restTime + allowance)
    }
    const progress = motor.readback.subscribe(({ value }) => this.#report(start, value))
    try {
      // The setpoint may still be busy with a move that was given up or replaced.
      await motor.setpoint.set(this.#target, { whenBusy: "supersede" })
      if (this.#over) return
      await this.#judge(start)
    } finally {
      progress.unsubscribe()
    }
  }

  /** The record has finished: says how. */
  async #judge(start: number): Promise<void> {
    const motor = this.#motor
    let [end, done, violation, missed, high, low] = await Promise.all([
      motor.readback.reading(),
      motor.done.get(),
      motor.limitViolation.get(),
      motor.missed.get(),
      motor.highLimitSwitch.get(),
      motor.lowLimitSwitch.get(),
    ])
    if (!done) {
      // The completion belonged to an earlier target, or the server gives none.
      const resting = until(motor.done, true)
      this.#action.onCancel(reason => resting.cancel(reason))
      await resting
      ;[end, violation, missed, high, low] = await Promise.all([
        motor.readback.reading(),
        motor.limitViolation.get(),
        motor.missed.get(),
        motor.highLimitSwitch.get(),
        motor.lowLimitSwitch.get(),
      ])
    }
    if (this.#over || this.#stopped?.success === true) return
    const where = this.#at(end.value)
    if (this.#stopped !== null) throw new EpicsError("MOTOR_STOPPED", `it was stopped at ${where}`)
    if (violation) {
      throw new EpicsError(
        "MOTOR_LIMIT_VIOLATION",
        `the record refused it: outside its soft limits (LVIO), it is at ${where}`,
      )
    }
    const forward = this.#target > start
    if (forward ? high : low) {
      throw new EpicsError(
        "MOTOR_LIMIT_SWITCH",
        `it is on its ${forward ? "high" : "low"} limit switch, at ${where}`,
      )
    }
    if (missed) throw new EpicsError("MOTOR_MISSED", `it ran out of retries (MISS), it is at ${where}`)
    this.#checkAlarm(end, where)
  }

  #checkAlarm({ alarm_severity = 0, message = "" }: Reading<number>, where: string): void {
    if (alarm_severity <= severities[this.#motor.toleratedAlarm]) return
    const severity = ["", "minor", "major", "invalid"][alarm_severity] ?? "unknown"
    throw new EpicsError("MOTOR_ALARM", `it ended in ${severity} alarm ${message} at ${where}`)
  }

  /** Given up from outside: the motor must not go on, unless a newer target has taken over. */
  #cancelled(reason: Error): void {
    if (this.#over) return
    this.#over = true
    if (reason instanceof StatusCancelledError && reason.cause instanceof SupersededError) return
    try {
      this.#motor.stopCommand.trigger().onDone(({ error }) => {
        if (error !== null) reportCallbackError(error, `stopping ${this.#motor.name} after ${reason.message}`)
      })
    } catch (thrown) {
      reportCallbackError(thrown, `stopping ${this.#motor.name} after ${reason.message}`)
    }
  }

  #end(tell: () => void): void {
    if (this.#over) return
    this.#over = true
    tell()
  }

  #report(initial: number, current: number): void {
    const { units, precision } = this.#motor.readback.metadata
    this.#action.progress({
      initial,
      current,
      target: this.#target,
      ...(units === undefined ? {} : { unit: units }),
      ...(precision === undefined ? {} : { precision }),
    })
  }

  #at(position: number): string {
    const { units, precision = 6 } = this.#motor.readback.metadata
    return `${Number(position.toFixed(precision))}${units === undefined ? "" : ` ${units}`}`
  }
}
