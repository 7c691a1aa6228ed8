import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { durationOf, planMove, planStop, stateAt } from "../../src/ioc/physics/motion.ts"

const position = fc.double({ min: -100, max: 100, noNaN: true })
const velocity = fc.double({ min: -20, max: 20, noNaN: true })
const speed = fc.double({ min: 0.1, max: 20, noNaN: true })
const acceleration = fc.double({ min: 0.5, max: 500, noNaN: true })

describe("the motion of an axis", () => {
  it("takes the time that a trapezoid takes", () => {
    // 10 mm at 5 mm/s with 0.1 s ramps: two ramps cover 0.5 mm, the rest goes at full speed.
    const move = planMove({ position: 0, velocity: 0 }, 10, 5, 50)
    expect(durationOf(move)).toBeCloseTo(0.2 + 9.5 / 5, 9)
    expect(stateAt(move, 1).velocity).toBe(5)
    // Too short for full speed.
    expect(durationOf(planMove({ position: 0, velocity: 0 }, 0.02, 5, 50))).toBeCloseTo(0.04, 9)
  })

  it("ends at rest on the target, whatever it was doing before", () => {
    fc.assert(
      fc.property(position, velocity, position, speed, acceleration, (x, v, target, limit, rate) => {
        const move = planMove({ position: x, velocity: v }, target, limit, rate)
        expect(stateAt(move, durationOf(move) + 1)).toEqual({ position: target, velocity: 0 })
      }),
    )
  })

  it("jumps neither in position nor in speed, and keeps both limits", () => {
    fc.assert(
      fc.property(position, velocity, position, speed, acceleration, (x, v, target, limit, rate) => {
        const move = planMove({ position: x, velocity: v }, target, limit, rate)
        const end = durationOf(move)
        let before = stateAt(move, 0)
        expect(before.position).toBeCloseTo(x, 6)
        const steps = 200
        for (let i = 1; i <= steps; i++) {
          const now = stateAt(move, (end * i) / steps)
          const dt = end / steps
          const fastest = Math.max(limit, Math.abs(v)) + 1e-6
          expect(Math.abs(now.velocity)).toBeLessThanOrEqual(fastest)
          expect(Math.abs(now.velocity - before.velocity)).toBeLessThanOrEqual(rate * dt + 1e-5)
          expect(Math.abs(now.position - before.position)).toBeLessThanOrEqual(fastest * dt + 1e-5)
          before = now
        }
      }),
    )
  })

  it("brakes within v²/2a", () => {
    fc.assert(
      fc.property(position, velocity, acceleration, (x, v, rate) => {
        const stop = planStop({ position: x, velocity: v }, rate)
        const end = stateAt(stop, durationOf(stop))
        expect(end.velocity).toBe(0)
        expect(end.position).toBeCloseTo(x + (v * Math.abs(v)) / (2 * rate), 6)
      }),
    )
  })
})
