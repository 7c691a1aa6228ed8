import { LimitError, Status, until, ValueError } from "@ophyd-ts/core"
import { EpicsError } from "../errors.ts"
import type { EpicsMotor } from "./epics-motor.ts"

/** A stretch to pass at constant velocity. */
export interface MotorFlight {
  readonly start: number
  readonly end: number
  /** Seconds from start to end. */
  readonly time: number
}

/** Where a flight begins and ends, run-up and slow-down included. */
interface Course extends MotorFlight {
  readonly velocity: number
  readonly from: number
  readonly to: number
}

/** The three acts of a fly scan with one motor: `prepare`, `kickoff`, `complete`. */
export class Flight {
  readonly #motor: EpicsMotor
  #course: Course | null = null
  #fly: Status<void> | null = null
  /** Put back when the flight is over. */
  #velocityBefore: number | null = null

  constructor(motor: EpicsMotor) {
    this.#motor = motor
  }

  prepare({ start, end, time }: MotorFlight): Status<void> {
    const motor = this.#motor
    if (!(Number.isFinite(start) && Number.isFinite(end) && start !== end && time > 0)) {
      throw new ValueError(`${motor.name}: cannot fly from ${start} to ${end} in ${time} s`)
    }
    return Status.run(
      { name: motor.name, action: "prepare to fly to", target: end, unit: motor.units },
      async work => {
        const velocity = Math.abs(end - start) / time
        const [acceleration, highest, before] = await Promise.all([
          motor.acceleration.get(),
          motor.maxVelocity.get(),
          motor.velocity.get(),
        ])
        if (highest > 0 && velocity > highest) {
          throw new LimitError(`${motor.name} velocity`, velocity, 0, highest, `${motor.units ?? ""}/s`)
        }
        // From rest to velocity at constant acceleration takes half the way of that time at full velocity.
        const runUp = (Math.sign(end - start) * velocity * acceleration) / 2
        const course = { start, end, time, velocity, from: start - runUp, to: end + runUp }
        motor.checkValue(course.from)
        motor.checkValue(course.to)
        this.#fly = null
        this.#course = null
        await motor.set(course.from, { signal: work.signal })
        this.#velocityBefore ??= before
        await motor.velocity.set(velocity, { signal: work.signal })
        this.#course = course
      },
    )
  }

  kickoff(): Status<void> {
    const motor = this.#motor
    const course = this.#course
    if (course === null)
      throw new EpicsError("NOT_PREPARED", `${motor.name}: cannot kick off, prepare it first`)
    this.#course = null
    return Status.run(
      { name: motor.name, action: "kick off to", target: course.to, unit: motor.units },
      async work => {
        const { start, end, to } = course
        const fly = motor.set(to)
        this.#fly = fly
        work.onCancel(reason => fly.cancel(reason))
        const past = until(motor.readback, at => (end > start ? at >= start : at <= start))
        try {
          // A flight that fails on its run-up fails the kickoff.
          await Promise.race([past.wait(), fly.wait()])
        } finally {
          past.cancel()
        }
      },
    )
  }

  complete(): Status<void> {
    const motor = this.#motor
    const fly = this.#fly
    if (fly === null)
      throw new EpicsError("NOT_PREPARED", `${motor.name}: cannot complete, kick it off first`)
    return Status.run({ name: motor.name, action: "complete the flight" }, async work => {
      fly.watch(work.progress)
      work.onCancel(reason => fly.cancel(reason))
      try {
        await fly
      } finally {
        await this.restore()
      }
    })
  }

  /** Gives the motor back the velocity that it had before the flight. */
  async restore(): Promise<void> {
    const before = this.#velocityBefore
    this.#velocityBefore = null
    if (before !== null) await this.#motor.velocity.set(before, { whenBusy: "queue" })
  }
}
