import { documentFromJson, documentToJson } from "@ophyd-ts/run-engine"
import { describe, expect, expectTypeOf, it } from "vitest"
import {
  compareSettings,
  Device,
  double,
  float64Array,
  int64Array,
  restoreSettings,
  rowsOf,
  saveSettings,
  softSignal,
  stringArray,
  table,
  uint8Array,
  ValueError,
  type ValueOf,
} from "../../src/index.ts"
import { assertReading } from "../../src/testing/index.ts"

const sequence = table({ time: float64Array, frames: int64Array, gate: uint8Array, note: stringArray })
type Sequence = ValueOf<typeof sequence>

const value: Sequence = {
  time: Float64Array.of(0.5, -0),
  frames: BigInt64Array.of(2n ** 60n, 1n),
  gate: Uint8Array.of(1, 0),
  note: ["begin", ""],
}

class Sequencer extends Device {
  readonly steps = this.soft.rw(sequence, { initial: value })
}

describe("a table", () => {
  it("has the type of its columns, so that a wrong column does not compile", () => {
    expectTypeOf<Sequence>().toEqualTypeOf<{
      readonly time: Float64Array
      readonly frames: BigInt64Array
      readonly gate: Uint8Array
      readonly note: readonly string[]
    }>()
    const signal = softSignal(sequence)
    // @ts-expect-error a column is missing
    expect(() => signal.set({ time: value.time, frames: value.frames, gate: value.gate })).toThrow(ValueError)
    // @ts-expect-error there is no such column
    expect(() => signal.set({ ...value, speed: value.time })).toThrow("no such column: speed")
    // @ts-expect-error a column of another type
    expect(() => signal.set({ ...value, frames: value.time })).toThrow("column frames")
    // @ts-expect-error a column is an array
    void (() => table({ x: double }))
    expect(() => table({})).toThrow("at least one column")
  })

  it("is empty at first, and says what it is", async () => {
    const signal = softSignal(sequence, { name: "steps" })
    expect(rowsOf(await signal.get())).toBe(0)
    expect(sequence.label).toBe(
      "table(time: float64Array, frames: int64Array, gate: uint8Array, note: stringArray)",
    )
    expect(await signal.describe()).toMatchObject({ steps: { dtype: "array", shape: [0] } })
    const status = signal.set({ ...value, time: Float64Array.of(1, 2) })
    expect(status.description).toBe(
      'steps: set { time: [1, 2], frames: [1152921504606846976, 1], gate: [1, 0], note: ["begin", ""] }',
    )
  })

  it("compares column by column", () => {
    expect(sequence.equal(value, { ...value, note: ["begin", ""] })).toBe(true)
    expect(sequence.equal(value, { ...value, note: ["begin", "end"] })).toBe(false)
  })

  it("takes plain lists where no compiler looks", () => {
    const given = { time: [1], frames: [3n], gate: [0], note: ["x"] }
    expect(sequence.check(given, "x", {})).toEqual({
      time: Float64Array.of(1),
      frames: BigInt64Array.of(3n),
      gate: Uint8Array.of(0),
      note: ["x"],
    })
  })

  it("goes through the JSON of documents and comes back", async () => {
    const device = new Sequencer({ name: "panda" })
    const readings = await device.read()
    expect(documentFromJson(documentToJson(readings))).toEqual(readings)
    await assertReading(device, { panda_steps: value })
    await expect(assertReading(device, { panda_steps: { ...value, note: ["", ""] } })).rejects.toThrow(
      "panda_steps is {",
    )
  })

  it("is saved as a line of settings, and restored", async () => {
    const device = new Sequencer({ name: "panda" })
    const saved = await saveSettings(device)
    expect(saved).toBe(
      'steps: {time: [0.5, -0], frames: [1152921504606846976, 1], gate: [1, 0], note: [begin, ""]}\n',
    )
    expect((await compareSettings(device, saved)).same).toEqual(["steps"])
    await device.steps.set({ ...value, note: ["other", "text"] })
    const { restored, failed } = await restoreSettings(device, saved)
    expect([restored.map(({ path }) => path), failed]).toEqual([["steps"], []])
    expect((await device.steps.get()).note).toEqual(["begin", ""])
    const { impossible } = await compareSettings(device, "steps: {time: [1], note: [a]}")
    expect(impossible[0]?.error.message).toContain("column frames")
    await expect(compareSettings(device, "steps: {time: 1}")).rejects.toThrow("steps has no value")
  })
})
