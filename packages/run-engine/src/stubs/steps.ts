import type { Movable, Readable } from "@ophyd-ts/core"
import { msg, type Plan, uniqueGroup } from "../messages.ts"
import { triggerAndRead } from "./reading.ts"

/** What a scan's motor is: it is moved and recorded. */
export type ScanMotor<T = number> = Movable<T> & Readable

/** Position of each motor at one point, in the order in which they are set. */
export type Step = ReadonlyMap<ScanMotor, number>

export type TakeReading = (devices: readonly Readable[], name?: string) => Plan<unknown>

/** Takes the reading of a `count`. */
export type PerShot = (detectors: readonly Readable[]) => Plan<unknown>

/** Moves to a point and measures there. `positions` holds where each motor was sent last. */
export type PerStep = (
  detectors: readonly Readable[],
  step: Step,
  positions: Map<ScanMotor, number>,
) => Plan<unknown>

/** Checkpoint, then one event. */
export function* oneShot(
  detectors: readonly Readable[],
  takeReading: TakeReading = triggerAndRead,
): Plan<void> {
  yield msg("checkpoint")
  yield* takeReading(detectors)
}

/** Checkpoint, move one motor, one event. */
export function* one1dStep(
  detectors: readonly Readable[],
  motor: ScanMotor,
  position: number,
  takeReading: TakeReading = triggerAndRead,
): Plan<void> {
  yield msg("checkpoint")
  const group = uniqueGroup("set")
  yield msg("set", motor as Movable, [position], { group })
  yield msg("wait", null, [], { group })
  yield* takeReading([...detectors, motor])
}

/** Checkpoint, then sets the motors whose position changes and waits for them. */
export function* movePerStep(step: Step, positions: Map<ScanMotor, number>): Plan<void> {
  yield msg("checkpoint")
  const group = uniqueGroup("set")
  for (const [motor, position] of step) {
    if (position === positions.get(motor)) continue
    yield msg("set", motor as Movable, [position], { group })
    positions.set(motor, position)
  }
  yield msg("wait", null, [], { group })
}

/** Moves to the point, then one event of detectors and motors. */
export function* oneNdStep(
  detectors: readonly Readable[],
  step: Step,
  positions: Map<ScanMotor, number>,
  takeReading: TakeReading = triggerAndRead,
): Plan<void> {
  yield* movePerStep(step, positions)
  yield* takeReading([...detectors, ...step.keys()])
}
