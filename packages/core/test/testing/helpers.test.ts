import { describe, expect, it } from "vitest"
import { choice, Device, double, float64Array, softSignal } from "../../src/index.ts"
import {
  AssertionError,
  assertConfiguration,
  assertDescription,
  assertReading,
  assertValue,
  eventually,
  holdPuts,
  onPut,
  putsOf,
  setMockMetadata,
  setMockValue,
  TestClock,
} from "../../src/testing/index.ts"

class Detector extends Device {
  readonly counts = this.soft.rw(double)
  readonly spectrum = this.soft.rw(float64Array)
  readonly mode = this.soft.rw(choice("Slow", "Fast"), { kind: "config" })
}

async function mocked() {
  const detector = new Detector({ name: "det" })
  await detector.connect({ mock: true })
  return detector
}

describe("assertions", () => {
  it("compare readings and configuration by keys, order and values, and say what differs", async () => {
    const detector = await mocked()
    setMockValue(detector.spectrum, new Float64Array([1, Number.NaN]))
    await assertReading(detector, { det_counts: 0, det_spectrum: new Float64Array([1, Number.NaN]) })
    await assertConfiguration(detector, { det_mode: "Slow" })
    await assertValue(detector.mode, "Slow")
    await assertDescription(detector, {
      det_counts: { dtype: "number" },
      det_spectrum: { dtype: "array", shape: [2], dtype_numpy: "<f8" },
    })
    for (const [failing, message] of [
      [assertReading(detector, { det_counts: 0 }), "has the keys det_counts, det_spectrum, not det_counts"],
      [
        assertReading(detector, { det_counts: 1, det_spectrum: [1] }),
        "det_counts is 0, not 1; det_spectrum is",
      ],
      [assertConfiguration(detector, { det_mode: "Fast" }), 'det_mode is "Slow", not "Fast"'],
      [assertValue(detector.counts, 5), "det_counts is 0, not 5"],
      [
        assertDescription(detector, { det_counts: { dtype: "string", units: "V" }, det_spectrum: {} }),
        'dtype of det_counts is "number", not "string"; units of det_counts is undefined, not "V"',
      ],
      [
        assertDescription(detector, { det_counts: {} }),
        "the description has the keys det_counts, det_spectrum, not",
      ],
    ] as const) {
      await expect(failing).rejects.toBeInstanceOf(AssertionError)
      await expect(failing).rejects.toThrow(message)
    }
  })

  it("wait until a condition holds, and tell why it never did", async () => {
    let n = 0
    await eventually(() => ++n === 3)
    await expect(
      eventually(
        () => {
          throw new Error("not yet")
        },
        { timeout: 0.02, what: "the shutter" },
      ),
    ).rejects.toThrow("the shutter did not hold within 0.02 s: not yet")
  })
})

describe("mock signals", () => {
  it("take values, alarms, time stamps and limits from the test", async () => {
    const { counts } = await mocked()
    setMockValue(counts, 7, { alarm_severity: 2, message: "HIHI", timestamp: 5 })
    expect(counts.read()).toEqual({
      det_counts: { value: 7, alarm_severity: 2, message: "HIHI", timestamp: 5 },
    })
    setMockMetadata(counts, { limits: { control: { low: 0, high: 1 } } })
    expect(() => counts.set(2)).toThrow("outside its limits")
    expect(putsOf(counts)).toEqual([])
  })

  it("let the test refuse, delay and hold writes", async () => {
    const { counts } = await mocked()
    const answerAtOnce = onPut(counts, value => {
      if (value < 0) throw new Error("negative")
    })
    expect(counts.set(-1).error?.message).toContain("negative")
    expect(counts.set(1).success).toBe(true)
    answerAtOnce()
    const gate = holdPuts(counts)
    const held = counts.set(2)
    expect([held.done, gate.pending]).toEqual([false, 1])
    gate.end()
    await held
    expect(counts.set(3).success).toBe(true)
    expect(putsOf(counts).map(p => p.value)).toEqual([-1, 1, 2, 3])
  })

  it("are asked for by name when a signal is none", () => {
    expect(() => putsOf(softSignal(double, { name: "x" }))).toThrow(
      "x: is no mock signal, connect it with { mock: true }",
    )
  })
})

it("the test clock runs alarms in order, and counts those left behind", () => {
  const clock = new TestClock(1000)
  const ran: string[] = []
  clock.after(2, () => ran.push(`b at ${clock.now()}`))
  clock.after(1, () => {
    ran.push(`a at ${clock.time()}`)
    clock.after(0.5, () => ran.push("c"))
  })
  const cancel = clock.after(1, () => ran.push("never"))
  cancel()
  clock.advance(1.75)
  expect(ran).toEqual(["a at 1001", "c"])
  expect(clock.pending).toBe(1)
})
