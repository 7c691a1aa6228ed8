import { boolean, double, softSignal } from "@ophyd-ts/core"
import { TestClock } from "@ophyd-ts/core/testing"
import { describe, expect, it } from "vitest"
import {
  bp,
  bpp,
  bps,
  RunEngine,
  type Suspension,
  suspendBoolHigh,
  suspendBoolLow,
  suspendCeil,
  suspendFloor,
  suspendWhenChanged,
  suspendWhenInsideBand,
  suspendWhenOutsideBand,
} from "../src/index.ts"
import { simDetector, simMotor } from "../src/testing/index.ts"
import { ofKind, type Recorded, recording } from "./support/recording.ts"

const number = (initial: number) => softSignal(double, { name: "x", initial })

describe("conditions", () => {
  const cases: [
    string,
    (s: ReturnType<typeof number>) => { install: unknown },
    [value: number, tripped: boolean][],
  ][] = [
    [
      "floor with hysteresis",
      s => suspendFloor(s, 10, { resumeThreshold: 12 }),
      [
        [11, false],
        [9, true],
        [11, true],
        [12, false],
      ],
    ],
    [
      "ceil with hysteresis",
      s => suspendCeil(s, 10, { resumeThreshold: 8 }),
      [
        [9, false],
        [11, true],
        [9, true],
        [8, false],
      ],
    ],
    [
      "outside a band",
      s => suspendWhenOutsideBand(s, 0, 5),
      [
        [1, false],
        [5, true],
        [4, false],
        [-1, true],
      ],
    ],
    [
      "inside a band",
      s => suspendWhenInsideBand(s, 0, 5),
      [
        [6, false],
        [4, true],
        [5, false],
      ],
    ],
    [
      "changed, resume allowed",
      s => suspendWhenChanged(s, { expected: 1, allowResume: true }),
      [
        [1, false],
        [2, true],
        [1, false],
      ],
    ],
    [
      "changed, resume not allowed",
      s => suspendWhenChanged(s, { expected: 1 }),
      [
        [1, false],
        [2, true],
        [1, true],
      ],
    ],
    [
      "high",
      s => suspendBoolHigh(s),
      [
        [0, false],
        [1, true],
        [0, false],
      ],
    ],
    [
      "low",
      s => suspendBoolLow(s),
      [
        [1, false],
        [0, true],
        [1, false],
      ],
    ],
  ]

  it.each(cases)("%s", async (_, make, steps) => {
    const signal = number(steps[0]![0])
    const suspender = make(signal) as ReturnType<typeof suspendFloor>
    const trips: Suspension[] = []
    suspender.install(s => trips.push(s))
    for (const [value, tripped] of steps) {
      await signal.set(value)
      expect([value, suspender.tripped !== null]).toEqual([value, tripped])
    }
    suspender.remove()
    expect(suspender.tripped).toBeNull()
    await Promise.all(trips.map(t => t.released))
  })

  it("releases only after the condition was good for the whole time", async () => {
    const clock = new TestClock()
    const signal = number(0)
    const suspender = suspendFloor(signal, 1, { sleep: 10, clock })
    suspender.install(() => {})
    await signal.set(2)
    clock.advance(6)
    await signal.set(0)
    clock.advance(6)
    expect(suspender.tripped).not.toBeNull()
    await signal.set(2)
    clock.advance(9)
    expect(suspender.tripped?.reason).toBe("x = 0 fell below 1; plans go on from 1")
    clock.advance(1)
    expect(suspender.tripped).toBeNull()
  })

  it("refuses thresholds that cannot be", () => {
    expect(() => suspendFloor(number(0), 5, { resumeThreshold: 4 })).toThrow(/below the threshold/)
    expect(() => suspendCeil(number(0), 5, { resumeThreshold: 6 })).toThrow(/above the threshold/)
    expect(() => suspendWhenOutsideBand(number(0), 5, 5)).toThrow(/low end/)
  })
})

describe("a suspended plan", () => {
  it("stops motors, runs the pre-plan, waits, runs the post-plan and measures the point again", async () => {
    const beam = softSignal(boolean, { name: "beam", initial: true })
    const motor = simMotor("m", { moveTime: 0.02 })
    const shutter = simMotor("shutter")
    const { RE, log, docs, states }: Recorded = recording({
      hooks: {
        msg: m => {
          const moving = m.command === "wait" && log.at(-2) === "set m 2"
          if (moving && motor.stops === 0) queueMicrotask(() => void beam.set(false))
        },
      },
    })
    RE.installSuspender(
      suspendBoolLow(beam, {
        before: () => bps.mv(shutter, 0),
        after: () => bps.mv(shutter, 1),
      }),
    )
    const ended = RE.run(bp.scan([simDetector("d")], motor, 1, 2, 2))
    await expect.poll(() => log.at(-1)).toBe("wait_for")
    expect(motor.stops).toBe(1)
    expect(motor.position).toBe(1)
    expect(RE.state).toBe("running")
    await beam.set(true)
    expect((await ended).exitStatus).toBe("success")
    const tail = log.slice(log.indexOf("set m 2"))
    expect(tail.slice(0, 12)).toEqual([
      "set m 2",
      "wait",
      "set shutter 0",
      "wait",
      "wait_for",
      "_resume_from_suspender",
      "set shutter 1",
      "wait",
      "set m 2",
      "wait",
      "trigger d",
      "trigger m",
    ])
    expect(ofKind(docs, "event").map(e => [e.seq_num, e.data["m"]])).toEqual([
      [1, 1],
      [2, 2],
    ])
    expect(states).toEqual(["running", "suspending", "running", "idle"])
  })

  it("does not begin while a suspender is tripped", async () => {
    const beam = softSignal(boolean, { name: "beam", initial: false })
    const { RE, log } = recording()
    RE.installSuspender(suspendBoolLow(beam))
    const ended = RE.run(bps.null())
    await expect.poll(() => log).toEqual(["wait_for"])
    await beam.set(true)
    await ended
    expect(log).toEqual(["wait_for", "_resume_from_suspender", "null"])
  })

  it("can be aborted, and paused and resumed, while it waits", async () => {
    for (const verb of ["abort", "pause"] as const) {
      const beam = softSignal(boolean, { name: "beam", initial: false })
      const { RE, log } = recording()
      RE.installSuspender(suspendBoolLow(beam))
      const ended = RE.run(bps.null())
      await expect.poll(() => log).toEqual(["wait_for"])
      if (verb === "abort") {
        await RE.abort()
        expect((await ended).exitStatus).toBe("abort")
        expect(log).toEqual(["wait_for"])
      } else {
        await RE.requestPause({ defer: false })
        const resumed = RE.resume()
        await beam.set(true)
        await resumed
        expect(log).toEqual(["wait_for", "wait_for", "_resume_from_suspender", "null"])
      }
    }
  })

  it("watches only for the duration of the plan it was installed for", async () => {
    const beam = softSignal(boolean, { name: "beam", initial: true })
    const RE = new RunEngine()
    await RE.run(bpp.suspend([suspendBoolLow(beam)], bps.null()))
    await beam.set(false)
    expect((await RE.run(bps.null())).exitStatus).toBe("success")
  })
})
