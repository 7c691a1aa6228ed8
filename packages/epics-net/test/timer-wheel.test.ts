import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { TimerWheel, WheelTimer } from "../src/index.ts"
import { FakeClock } from "../src/testing/index.ts"

class Probe extends WheelTimer {
  firedAt: number[] = []
  readonly #clock: FakeClock
  readonly #then: (() => void) | undefined
  constructor(clock: FakeClock, then?: () => void) {
    super()
    this.#clock = clock
    this.#then = then
  }
  override onTimeout(): void {
    this.firedAt.push(this.#clock.now())
    this.#then?.()
  }
}

describe("the timer wheel", () => {
  test("keeps any set of limits to one resolution, never early, and needs no timer when it is empty", () => {
    const delays = fc.array(fc.double({ min: 0, max: 60, noNaN: true }), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(delays, fc.double({ min: 0.001, max: 3, noNaN: true }), (limits, gap) => {
        const clock = new FakeClock()
        const wheel = new TimerWheel(clock)
        const started: { probe: Probe; due: number }[] = []
        for (const limit of limits) {
          const probe = new Probe(clock)
          wheel.start(probe, limit)
          started.push({ probe, due: clock.now() + limit })
          clock.advance(gap)
        }
        clock.advance(61)
        for (const { probe, due } of started) {
          expect(probe.firedAt).toHaveLength(1)
          expect(probe.firedAt[0]).toBeGreaterThanOrEqual(due - 1e-9)
          expect(probe.firedAt[0]).toBeLessThan(due + 0.0401)
        }
        expect([wheel.size, clock.pending]).toEqual([0, 0])
      }),
    )
  })

  test("forgets what was stopped, also by another that fires at the same time", () => {
    const clock = new FakeClock()
    const wheel = new TimerWheel(clock)
    const stopped = new Probe(clock)
    const other = new Probe(clock)
    wheel.start(stopped, 1)
    wheel.start(other, 1)
    wheel.stop(stopped)
    const victims = [new Probe(clock), new Probe(clock)]
    const killer = new Probe(clock, () => victims.forEach(victim => void wheel.stop(victim)))
    for (const timer of [victims[0]!, killer, victims[1]!]) wheel.start(timer, 2)
    clock.advance(3)
    expect([stopped.firedAt.length, other.firedAt.length, killer.firedAt.length]).toEqual([0, 1, 1])
    expect(victims.map(victim => victim.firedAt.length).reduce((a, b) => a + b)).toBeLessThan(2)
    expect(wheel.size).toBe(0)
  })

  test("starts again from inside a time-out, and an infinite limit never passes", () => {
    const clock = new FakeClock()
    const wheel = new TimerWheel(clock)
    const again: Probe = new Probe(clock, () => wheel.start(again, 5))
    wheel.start(again, 5)
    wheel.start(new Probe(clock), Number.POSITIVE_INFINITY)
    clock.advance(26)
    expect(again.firedAt).toHaveLength(5)
    expect(wheel.size).toBe(1)
    wheel.stop(again)
    expect(clock.pending).toBe(0)
  })
})
