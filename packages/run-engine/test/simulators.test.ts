import { describe, expect, it } from "vitest"
import {
  assertMessageAndReturnRemaining,
  bp,
  bps,
  checkLimits,
  estimateDuration,
  type Plan,
  RunEngineSimulator,
  summarizePlan,
} from "../src/index.ts"
import { simDetector, simMotor } from "../src/testing/index.ts"

describe("simulators", () => {
  it("summarize a plan in plain words and touch no device", () => {
    const motor = simMotor("m")
    const det = simDetector("d")
    const untouchable = new Proxy(det, {
      get: (target, key) => {
        if (key === "read" || key === "trigger") return () => expect.fail("touched")
        return Reflect.get(target, key, target)
      },
    })
    const text = summarizePlan(bp.scan([untouchable], motor, 0, 1, 2))
    expect(text.split("\n")).toEqual([
      "Stage d",
      "Stage m",
      "================Open run================",
      "m -> 0",
      "  Read d, m",
      "m -> 1",
      "  Read d, m",
      "===============Close run================",
      "Unstage m",
      "Unstage d",
    ])
    expect(motor.moves).toEqual([])
  })

  it("find points beyond the limits without moving", async () => {
    const [free, bound] = [simMotor("free"), simMotor("bound", { limits: [-1, 1] })]
    const plan = () => bp.scan([simDetector("d")], free, 0, 1, bound, -2, 2, 5)
    await expect(checkLimits(plan())).rejects.toThrow(/^2 of 10 positions are refused: bound: -2.*bound: 2/)
    expect(bound.moves).toEqual([])
    const lamp = { name: "lamp", set: () => expect.fail("set") }
    const good = (function* () {
      yield* bp.scan([simDetector("d")], bound, -1, 1, 3)
      yield* bps.absSet(lamp as never, 1)
    })()
    expect(await checkLimits(good)).toEqual({ checked: 3, unchecked: ["lamp"] })
  })

  it("give up on a plan without end", () => {
    const endless = (function* (): Plan<never> {
      for (;;) yield* bps.null()
    })()
    expect(() => summarizePlan(endless)).toThrow(/did not end/)
  })

  it("estimate how long a plan takes, from velocities and exposure times", async () => {
    // 1 mm/s, from 0.
    const [x, y] = [simMotor("x"), simMotor("y", { position: 5 })]
    const det = simDetector("d", { exposure: 0.5 })
    const scan = await estimateDuration(bp.scan([det], x, 1, 4, y, 5, 11, 4))
    // To the start x takes 1 s; then y takes 2 s a step, three times; four exposures.
    expect(scan).toEqual({ seconds: 1 + 3 * 2 + 4 * 0.5, events: 4, unknown: [] })
    const there = await estimateDuration(bp.relScan([det], y, 0, 2, 2))
    expect(there.seconds).toBeCloseTo(2 + 2 + 2 * 0.5)
    expect((await estimateDuration(bp.count([det], 3, { delay: 0 }))).seconds).toBeCloseTo(1.5)
    const lamp = { name: "lamp", set: () => expect.fail("set") }
    expect(await estimateDuration(bps.absSet(lamp as never, 1, { wait: true }))).toEqual({
      seconds: 0,
      events: 0,
      unknown: ["lamp"],
    })
    const ramped = { velocity: 2, acceleration: 1 }
    const timing = () => ramped
    expect((await estimateDuration(bps.mv(x, 8), { timing })).seconds).toBeCloseTo(8 / 2 + 1)
    expect((await estimateDuration(bps.mv(x, 1), { timing })).seconds).toBeCloseTo(2 * Math.sqrt(0.5))
    expect([x.moves, y.moves, det.triggers]).toEqual([[], [], 0])
  })

  it("answer reads, locates, waits and documents for unit tests of plans", () => {
    const [motor, det] = [simMotor("m"), simDetector("d")]
    const sim = new RunEngineSimulator()
    sim.addReadHandlerFor(det, 5)
    sim.addReadHandlerFor(motor, 2)
    sim.addHandler("call", () => "called")
    const seen: unknown[] = []
    sim.addCallbackHandlerFor("open_run", "start", { uid: "u", time: 0 })
    let waits = 0
    sim.addWaitHandler(() => ++waits, "mine")
    const messages = sim.simulatePlan(
      (function* () {
        yield* bps.subscribe((name, doc) => seen.push([name, doc.uid]))
        yield* bps.openRun()
        yield* bps.mvr(motor, 3)
        yield* bps.absSet(motor, 1, { group: "mine", wait: true })
        const value = yield* bps.rd(det)
        yield* bps.closeRun()
        return [value, yield* bps.call(() => expect.fail("called for real"))]
      })(),
    )
    expect(sim.returnValue).toEqual([5, "called"])
    expect(seen).toEqual([["start", "u"]])
    expect(waits).toBe(1)
    const rest = assertMessageAndReturnRemaining(messages, m => m.command === "set" && m.args[0] === 5)
    const mine = assertMessageAndReturnRemaining(rest, m => m.command === "set", "mine")
    expect(mine.map(m => m.command)).toEqual(["set", "wait", "read", "close_run", "call"])
    expect(() => assertMessageAndReturnRemaining(mine.slice(1), m => m.command === "set")).toThrow(
      /no message/,
    )
  })
})
