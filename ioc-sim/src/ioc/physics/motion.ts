/** Motion of one axis with limited speed and acceleration, in pieces of constant acceleration. */

/** One piece: how long it takes, its acceleration, and where and how fast the axis is when it begins. */
export interface Segment {
  /** Seconds. */
  readonly duration: number
  readonly acceleration: number
  readonly position: number
  readonly velocity: number
}

/** Where an axis is, and how fast. */
export interface MotionState {
  readonly position: number
  readonly velocity: number
}

/**
 * From a state to rest at `target`. An axis that moves away, or could not stop in time, brakes first and comes back.
 * @param speed largest speed, above 0.
 * @param acceleration above 0.
 */
export function planMove(from: MotionState, target: number, speed: number, acceleration: number): Segment[] {
  const { position: x, velocity: v } = from
  const stopped = x + (v * Math.abs(v)) / (2 * acceleration)
  if (v !== 0 && (target - stopped) * v < 0) {
    const brake = planStop(from, acceleration)
    return [...brake, ...planMove({ position: stopped, velocity: 0 }, target, speed, acceleration)]
  }
  const direction = target >= x ? 1 : -1
  const distance = Math.abs(target - x)
  const v0 = Math.abs(v)
  // A move too short for full speed has its peak where the two ramps meet. Rounding may put that below v0.
  const peak = Math.max(v0, Math.min(speed, Math.sqrt(acceleration * distance + (v0 * v0) / 2)))
  const ramps = (2 * peak * peak - v0 * v0) / (2 * acceleration)
  const speedUp = (peak - v0) / acceleration
  const cruise = peak === 0 ? 0 : Math.max(0, distance - ramps) / peak
  const top = x + (direction * (v0 + peak) * speedUp) / 2
  return [
    { duration: speedUp, acceleration: direction * acceleration, position: x, velocity: v },
    { duration: cruise, acceleration: 0, position: top, velocity: direction * peak },
    {
      duration: peak / acceleration,
      acceleration: -direction * acceleration,
      position: top + direction * peak * cruise,
      velocity: direction * peak,
    },
    { duration: 0, acceleration: 0, position: target, velocity: 0 },
  ]
}

/** From a state to rest as soon as the acceleration allows. */
export function planStop({ position, velocity }: MotionState, acceleration: number): Segment[] {
  const duration = Math.abs(velocity) / acceleration
  const end = position + (velocity * duration) / 2
  return [
    { duration, acceleration: -Math.sign(velocity) * acceleration, position, velocity },
    { duration: 0, acceleration: 0, position: end, velocity: 0 },
  ]
}

/** Seconds from the beginning of the first piece to the end of the last. */
export function durationOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, segment) => sum + segment.duration, 0)
}

/** The state after `elapsed` seconds; at rest at the end of the last piece afterwards. */
export function stateAt(segments: readonly Segment[], elapsed: number): MotionState {
  let t = Math.max(0, elapsed)
  for (const { duration, acceleration, position, velocity } of segments) {
    if (t < duration) {
      return {
        position: position + velocity * t + (acceleration * t * t) / 2,
        velocity: velocity + acceleration * t,
      }
    }
    t -= duration
  }
  const last = segments.at(-1)
  return { position: last?.position ?? 0, velocity: 0 }
}
