import { choice, double, type Status, softSignal } from "@ophyd-ts/core"
import { describe, expect, expectTypeOf, it } from "vitest"
import { bps, type Msg, type MsgType, msg, type Plan, RunEngine, type RunEngineResult } from "../src/index.ts"
import { simDetector, simMotor } from "../src/testing/index.ts"

declare module "@ophyd-ts/run-engine" {
  interface MsgTypes {
    ring_bell: MsgType<null, [times: number], { loud?: boolean }, string>
  }
}

const motor = simMotor("m")
const shutter = softSignal(choice("Open", "Close"), { name: "shutter" })
const gain = softSignal(double, { name: "gain" })

describe("types", () => {
  it("of moves follow the devices", () => {
    expectTypeOf(bps.mv(motor, 1, shutter, "Open", gain, 2)).toEqualTypeOf<Plan<Status<unknown>[]>>()
    // @ts-expect-error a motor takes a number
    bps.mv(motor, "1")
    // @ts-expect-error "Opne" is no choice
    bps.mv(shutter, "Opne")
    // @ts-expect-error a value is missing
    expect(() => bps.mv(motor, 1, shutter).next()).toThrow(/got 3 arguments/)
    // @ts-expect-error a detector cannot be moved
    expect(() => bps.mv(simDetector("d"), 1).next()).toThrow(/has no set/)
    // @ts-expect-error a motor takes a number
    bps.absSet(motor, "1")
    // A list made while the program runs is checked then.
    const list: unknown[] = [motor, 1]
    bps.mv(...list)
  })

  it("of messages are told apart by the command", () => {
    const message = msg("set", motor, [1], { group: "g" }) as unknown as Msg
    if (message.command === "set") expectTypeOf(message.args).toEqualTypeOf<[value: unknown]>()
    if (message.command === "sleep") expectTypeOf(message.args).toEqualTypeOf<[seconds: number]>()
    // @ts-expect-error no such command
    msg("sett", motor, [1])
  })

  it("of results come out of yield* and run", async () => {
    const RE = new RunEngine()
    const plan = function* () {
      expectTypeOf(yield* bps.rd(motor)).toEqualTypeOf<number>()
      expectTypeOf(yield* bps.waitFor([() => Promise.resolve("x")])).toEqualTypeOf<[string]>()
      return yield* bps.call(async () => new Date(0))
    }
    const result = await RE.run(plan())
    expectTypeOf(result).toEqualTypeOf<RunEngineResult<Date>>()
    expect(result.value).toEqual(new Date(0))
  })

  it("of a site's own command are merged in", async () => {
    const RE = new RunEngine()
    RE.registerCommand("ring_bell", ({ args: [times], kwargs: { loud = false } }) =>
      Promise.resolve((loud ? "DONG " : "ding ").repeat(times)),
    )
    const ring = function* (times: number): Plan<string> {
      return (yield msg("ring_bell", null, [times], { loud: true })) as string
    }
    expect((await RE.run(ring(2))).value).toBe("DONG DONG ")
    RE.unregisterCommand("ring_bell")
    await expect(RE.run(ring(1))).rejects.toThrow(/no command "ring_bell"/)
  })
})
