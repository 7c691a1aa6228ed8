/** A mechanical axis: carries out moves as real ones do, late, within its travel, and not at all when it is stuck. */
import type { Clock } from "@ophyd-ts/core"
import { durationOf, type MotionState, planMove, planStop, type Segment, stateAt } from "./motion.ts"

/** A trouble of the mechanics. `stuck`: the axis stays where it is; `hung`: besides, it never says that it has ended. */
export type AxisFault = "stuck" | "hung"

/** Where the limit switches are. */
export type Travel = readonly [low: number, high: number]

/** Positions are in the axis' own coordinate (dial). */
export class Axis {
  readonly #clock: Clock
  readonly #travel: Travel
  #segments: readonly Segment[]
  #started = 0
  #stuckAt: number | undefined
  #hung = false
  /** A move that will not end is under way. */
  #hanging = false

  constructor(clock: Clock, position = 0, travel: Travel = [-Infinity, Infinity]) {
    this.#clock = clock
    this.#travel = travel
    this.#segments = rest(position)
  }

  /** Where it is now, and how fast. */
  get state(): MotionState {
    if (this.#stuckAt !== undefined) return { position: this.#stuckAt, velocity: 0 }
    const state = stateAt(this.#segments, this.#clock.now() - this.#started)
    const position = Math.min(Math.max(state.position, this.#travel[0]), this.#travel[1])
    return position === state.position ? state : { position, velocity: 0 }
  }

  /** Seconds until the motion under way ends: 0 at rest, Infinity when it hangs. */
  get remaining(): number {
    if (this.#hanging) return Number.POSITIVE_INFINITY
    const left = Math.max(0, this.#started + durationOf(this.#segments) - this.#clock.now())
    const target = this.#segments.at(-1)?.position ?? 0
    const blocked =
      (this.lowLimit && target <= this.#travel[0]) || (this.highLimit && target >= this.#travel[1])
    return blocked ? 0 : left
  }

  get lowLimit(): boolean {
    return this.state.position <= this.#travel[0]
  }

  get highLimit(): boolean {
    return this.state.position >= this.#travel[1]
  }

  /** Starts a move; one under way is changed. */
  move(target: number, speed: number, acceleration: number): void {
    this.#follow(planMove(this.state, target, speed, acceleration))
    this.#hanging = this.#hung
  }

  /** Brakes. */
  stop(acceleration: number): void {
    this.#follow(planStop(this.state, acceleration))
    this.#hanging = false
  }

  /** Makes or mends a fault. An axis that is freed stays where it is until it is moved again. */
  setFault(fault: AxisFault | undefined): void {
    const { position } = this.state
    this.#hanging = fault === "hung" && this.remaining > 0
    if (fault === undefined && this.#stuckAt !== undefined) this.#follow(rest(position))
    this.#stuckAt = fault === undefined ? undefined : position
    this.#hung = fault === "hung"
  }

  #follow(segments: readonly Segment[]): void {
    this.#segments = segments
    this.#started = this.#clock.now()
  }
}

const rest = (position: number): Segment[] => [{ duration: 0, acceleration: 0, position, velocity: 0 }]
