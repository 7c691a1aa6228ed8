import { TestClock } from "@ophyd-ts/core/testing"
import { beforeEach, describe, expect, it } from "vitest"
import { MotorRecord } from "../../src/ioc/records/motor.ts"
import { MotorStatus } from "../../src/ioc/records/motor-fields.ts"

const fields = { EGU: "mm", VELO: 5, ACCL: 0.1, DLLM: -25, DHLM: 25 }

describe("the motor record", () => {
  let clock: TestClock
  let motor: MotorRecord
  let posts: [field: string, value: unknown][]
  let ended: string[]

  const make = (options: ConstructorParameters<typeof MotorRecord>[2] = {}): void => {
    motor = new MotorRecord("m", clock, { ...options, fields: { ...fields, ...options.fields } })
    motor.serve({ posted: (field, value) => void posts.push([field, value]), described: () => {} })
  }
  /** Writes as a client does, and notes when the put completes. */
  const put = (field: string, value: number, name = field): void => {
    const completion = motor.write(field, value)
    if (completion === undefined) ended.push(name)
    else void completion.then(() => ended.push(name))
  }
  const advance = async (seconds: number): Promise<void> => {
    clock.advance(seconds)
    await Promise.resolve()
  }
  const seen = (field: string): unknown[] => posts.filter(([f]) => f === field).map(([, value]) => value)

  beforeEach(() => {
    clock = new TestClock()
    posts = []
    ended = []
    make()
  })

  it("moves with VELO and ACCL, and the put completes at the end of the move", async () => {
    put("VAL", 10)
    expect(motor.get("DMOV")).toBe(0)
    expect(motor.get("MSTA") & MotorStatus.moving).not.toBe(0)
    await advance(1.01)
    // 0.25 mm while it speeds up for 0.1 s, then 5 mm/s; read back every 0.05 s.
    expect(motor.get("RBV")).toBeCloseTo(4.75, 2)
    expect(ended).toEqual([])
    await advance(1.2)
    expect(motor.get("RBV")).toBe(10)
    expect(ended).toEqual(["VAL"])
    expect(seen("DMOV")).toEqual([0, 1])
    expect(seen("MOVN")).toEqual([1, 0])
    expect(motor.get("MSTA") & MotorStatus.done).not.toBe(0)
    expect(clock.pending).toBe(0)
  })

  it("read-backs follow the move and are whole motor steps", async () => {
    put("VAL", 0.3)
    await advance(5)
    const positions = seen("RBV") as number[]
    expect(positions.length).toBeGreaterThan(2)
    expect(positions).toEqual([...positions].sort((a, b) => a - b))
    expect(positions.at(-1)).toBe(0.3)
    expect(motor.get("RRBV")).toBe(300)
  })

  it.each([
    ["to where it is", () => put("VAL", 0)],
    ["of a thousandth of a step", () => put("VAL", 1e-6)],
    ["by zero", () => put("RLV", 0)],
  ])("pulses DMOV for a request %s", async (_what, request) => {
    request()
    await advance(1)
    expect(seen("DMOV")).toEqual([0, 1])
    expect(ended).toHaveLength(1)
  })

  it("refuses a target beyond the limits: LVIO, the old target, no move", async () => {
    put("VAL", 5)
    await advance(5)
    posts = []
    put("VAL", 25.1)
    await advance(1)
    expect(motor.get("LVIO")).toBe(1)
    expect(motor.get("VAL")).toBe(5)
    expect(seen("DMOV")).toEqual([])
    expect(ended).toEqual(["VAL", "VAL"])
    put("VAL", 25)
    expect(motor.get("LVIO")).toBe(0)
  })

  it("takes equal limits as no limits, and a target that is no number as one outside", () => {
    make({ fields: { DLLM: 0, DHLM: 0 } })
    put("VAL", 1e6)
    expect(motor.get("DMOV")).toBe(0)
    put("VAL", Number.NaN)
    expect(motor.get("VAL")).toBe(1e6)
    expect(motor.get("LVIO")).toBe(1)
  })

  it("STOP brakes, resets itself, moves the target to where the axis came to rest, and ends the put", async () => {
    put("VAL", 20)
    await advance(1)
    put("STOP", 1)
    expect(motor.get("STOP")).toBe(0)
    await advance(0.099)
    expect(motor.get("DMOV")).toBe(0)
    await advance(0.01)
    expect(motor.get("DMOV")).toBe(1)
    expect(motor.get("RBV")).toBeCloseTo(5, 2)
    expect(motor.get("VAL")).toBeCloseTo(motor.get("RBV"), 3)
    expect(ended).toEqual(["STOP", "VAL"])
  })

  it("a new target during a move changes the move; both puts end with it", async () => {
    put("VAL", 20, "first")
    await advance(1)
    put("VAL", -1, "second")
    await advance(10)
    expect(motor.get("RBV")).toBe(-1)
    expect(ended).toEqual(["first", "second"])
    expect(seen("DMOV")).toEqual([0, 1])
  })

  it("SPMG Pause interrupts a move, Go goes on with it, Stop gives it up", async () => {
    put("VAL", 10)
    await advance(1)
    put("SPMG", 1)
    await advance(3)
    const paused = motor.get("RBV")
    expect(paused).toBeLessThan(6)
    expect([motor.get("DMOV"), motor.get("MOVN"), motor.get("VAL")]).toEqual([0, 0, 10])
    put("SPMG", 3)
    await advance(3)
    expect([motor.get("DMOV"), motor.get("RBV")]).toEqual([1, 10])

    put("VAL", 0)
    await advance(0.5)
    put("SPMG", 0)
    await advance(1)
    expect(motor.get("DMOV")).toBe(1)
    expect(motor.get("VAL")).toBeGreaterThan(5)
  })

  it("SPMG Move allows one move and falls back to Pause", async () => {
    put("SPMG", 2)
    put("VAL", 1)
    await advance(2)
    expect([motor.get("RBV"), motor.get("SPMG")]).toEqual([1, 1])
    put("VAL", 2)
    await advance(2)
    expect([motor.get("RBV"), motor.get("DMOV")]).toEqual([1, 0])
  })

  it("tweaks by TWV, and the buttons reset themselves", async () => {
    put("TWV", 0.5)
    put("TWF", 1)
    await advance(1)
    put("TWF", 1)
    await advance(1)
    put("TWR", 1)
    await advance(1)
    expect([motor.get("RBV"), motor.get("TWF"), motor.get("TWR")]).toEqual([0.5, 0, 0])
  })

  it("converts between user and dial with OFF and DIR, limits and switches included", async () => {
    put("OFF", 100)
    expect([motor.get("VAL"), motor.get("RBV"), motor.get("LLM"), motor.get("HLM")]).toEqual([
      100, 100, 75, 125,
    ])
    put("DIR", 1)
    put("VAL", 90)
    await advance(5)
    expect([motor.get("DVAL"), motor.get("DRBV"), motor.get("RBV")]).toEqual([10, 10, 90])
    put("HLM", 110)
    expect([motor.get("DLLM"), motor.get("DHLM")]).toEqual([-10, 25])
    expect(motor.metadata("VAL").limits).toEqual([75, 110])
    expect(motor.metadata("DVAL").limits).toEqual([-10, 25])
  })

  it("SET mode gives the position another number without moving", async () => {
    put("SET", 1)
    put("VAL", 7)
    await advance(1)
    expect([motor.get("RBV"), motor.get("DRBV"), motor.get("OFF"), motor.get("HLM")]).toEqual([7, 0, 7, 32])
    expect(seen("DMOV")).toEqual([])
  })

  it("DLY keeps the record busy after the axis has arrived", async () => {
    put("DLY", 2)
    put("VAL", 1)
    await advance(1)
    expect([motor.get("RBV"), motor.get("MOVN"), motor.get("DMOV")]).toEqual([1, 0, 0])
    await advance(2)
    expect(motor.get("DMOV")).toBe(1)
  })

  it("runs into a limit switch: it stops there, with the switch on and a major alarm", async () => {
    make({ fields: { DLLM: 0, DHLM: 0 }, travel: [-10, 10] })
    put("VAL", 50)
    await advance(20)
    expect([motor.get("RBV"), motor.get("HLS"), motor.get("LLS"), motor.get("DMOV")]).toEqual([10, 1, 0, 1])
    expect(motor.alarm).toEqual({ severity: 2, status: 4 })
    put("VAL", 0)
    await advance(20)
    expect([motor.get("RBV"), motor.get("HLS")]).toEqual([0, 0])
    expect(motor.alarm.severity).toBe(0)
  })

  it("a stuck axis is retried, then MISS; a mended one moves again", async () => {
    put("VAL", 1)
    await advance(2)
    motor.setFault("stuck")
    put("VAL", 2)
    await advance(10)
    expect([motor.get("RBV"), motor.get("MISS"), motor.get("RCNT"), motor.get("DMOV")]).toEqual([1, 1, 3, 1])
    expect(motor.get("MSTA") & MotorStatus.stalled).not.toBe(0)
    motor.setFault(undefined)
    put("VAL", 2)
    await advance(2)
    expect([motor.get("RBV"), motor.get("MISS")]).toEqual([2, 0])
  })

  it("a hung axis never ends, but STOP and mending end it", async () => {
    motor.setFault("hung")
    put("VAL", 1)
    await advance(1000)
    expect([motor.get("RBV"), motor.get("DMOV")]).toEqual([0, 0])
    put("STOP", 1)
    await advance(1)
    expect(motor.get("DMOV")).toBe(1)
    put("VAL", 1)
    await advance(1000)
    motor.setFault(undefined)
    await advance(5)
    expect([motor.get("RBV"), motor.get("DMOV")]).toEqual([1, 1])
  })

  it.each(["VELO", "ACCL", "MRES", "SREV", "UREV"])("refuses a %s that is not above zero", field => {
    expect(() => motor.write(field, 0)).toThrow(`m.${field}: 0 is not above 0`)
    expect(motor.read(field)).not.toBe(0)
  })

  it("keeps MRES, SREV and UREV consistent", () => {
    put("SREV", 400)
    expect(motor.get("MRES")).toBe(0.0005)
    put("UREV", 4)
    expect(motor.get("MRES")).toBe(0.01)
    put("MRES", 0.1)
    expect(motor.get("UREV")).toBe(40)
  })

  it("does not let clients write what only the record knows", () => {
    expect(() => motor.write("RBV", 3)).toThrow("m.RBV is read only")
    expect(() => motor.write("NOPE", 3)).toThrow("no field NOPE")
  })

  it("close ends a move and the put that waits for it", async () => {
    put("VAL", 10)
    motor.close()
    await advance(0)
    expect(ended).toEqual(["VAL"])
    expect(clock.pending).toBe(0)
  })
})
