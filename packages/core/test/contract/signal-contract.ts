import { afterAll, beforeAll, describe, expect, it } from "vitest"
import {
  type choice,
  connect,
  float64Array,
  int32Array,
  LimitError,
  type Reading,
  type SignalR,
  type SignalRW,
  stringArray,
  type TableValue,
  until,
  ValueError,
} from "../../src/index.ts"

/** The signals that every backend offers to the contract, with the values and metadata that they start with. */
export interface ContractSignals {
  /** 1.5, unit `V`, precision 2, control limits 0 to 10. */
  readonly gain: SignalRW<number>
  /** 3; without limits. */
  readonly count: SignalRW<number>
  /** false */
  readonly enabled: SignalRW<boolean>
  /** `first` */
  readonly title: SignalRW<string>
  /** `Slow` of `choice("Slow", "Medium", "Fast")` */
  readonly mode: SignalRW<"Slow" | "Medium" | "Fast">
  /** 1, 2, 3; room for 10. */
  readonly spectrum: SignalRW<Float64Array>
  /** 1, 2; room for 10. */
  readonly bytes: SignalRW<Uint8Array>
  /** `a`, `b`; room for 10. */
  readonly labels: SignalRW<readonly string[]>
  /** Read only: 7. */
  readonly fixed: SignalR<number>
}

/** The columns of the table of the contract. */
export const profileColumns = { position: float64Array, count: int32Array, label: stringArray } as const

/** Positions 1, 2; counts 10, 20; labels `a`, `b`. */
export type Profile = TableValue<typeof profileColumns>

/** What a backend that knows tables offers besides. */
export interface TableContractSignals {
  readonly profile: SignalRW<Profile>
}

export type ContractMode = ReturnType<typeof choice<["Slow", "Medium", "Fast"]>>

export interface ContractRig<S = ContractSignals> {
  readonly signals: S
  /** Changes a value behind the signal's back, as the hardware would. */
  change(signal: "gain" | "count", value: number): Promise<void> | void
  close(): Promise<void> | void
}

/** What holds for a signal whatever stands behind it: memory, a mock, a protocol. */
export function signalContract(backend: string, open: () => Promise<ContractRig> | ContractRig): void {
  describe(`a signal over ${backend}`, () => {
    let rig: ContractRig
    let s: ContractSignals

    beforeAll(async () => {
      rig = await open()
      s = rig.signals
      await connect(...Object.values(s), { timeout: 20 })
    })
    afterAll(async () => {
      await rig?.close()
    })

    it("reads values with a time stamp near now and an alarm severity", async () => {
      const { gain } = (await s.gain.read()) as Record<string, Reading<number>>
      expect(gain).toMatchObject({ value: 1.5, alarm_severity: 0 })
      expect(Math.abs((gain?.timestamp ?? 0) - Date.now() / 1000)).toBeLessThan(600)
      expect(await s.fixed.get()).toBe(7)
    })

    it("gives each type its own value, and takes it back", async () => {
      const trip = async <T>(signal: SignalRW<T>, before: T, after: T) => {
        expect(await signal.get()).toEqual(before)
        await signal.set(after, { timeout: 20 })
        expect(await signal.get()).toEqual(after)
      }
      await trip(s.count, 3, -4)
      await trip(s.enabled, false, true)
      await trip(s.title, "first", "second")
      await trip(s.mode, "Slow", "Fast")
      await trip(s.spectrum, Float64Array.of(1, 2, 3), Float64Array.of(4, 5.5, -6, 7))
      await trip(s.bytes, Uint8Array.of(1, 2), Uint8Array.of(255))
      await trip(s.labels, ["a", "b"], ["x", "y", "z"])
    })

    it("describes with event-model names and the shape of the present value", async () => {
      expect(await s.gain.describe()).toEqual({
        gain: {
          source: s.gain.source,
          dtype: "number",
          dtype_numpy: "<f8",
          shape: [],
          units: "V",
          precision: 2,
          limits: expect.objectContaining({ control: { low: 0, high: 10 } }),
        },
      })
      expect(await s.mode.describe()).toMatchObject({
        mode: { dtype: "string", shape: [], choices: ["Slow", "Medium", "Fast"] },
      })
      await s.spectrum.set(new Float64Array(5), { timeout: 20 })
      expect(await s.spectrum.describe()).toMatchObject({
        spectrum: { dtype: "array", dtype_numpy: "<f8", shape: [5] },
      })
      expect(await s.bytes.describe()).toMatchObject({ bytes: { dtype: "array", dtype_numpy: "|u1" } })
      expect(await s.enabled.describe()).toMatchObject({ enabled: { dtype: "boolean", shape: [] } })
      expect(await s.count.describe()).toMatchObject({ count: { dtype: "integer", shape: [] } })
    })

    it("refuses a value outside the limits, of another type or of another choice before writing", async () => {
      expect(() => s.gain.set(10.5)).toThrow(LimitError)
      expect(() => s.count.set(1.5)).toThrow(ValueError)
      expect(() => s.mode.set("Warp" as "Fast")).toThrow('"Warp" is none of "Slow", "Medium", "Fast"')
      expect(await s.gain.get()).toBe(1.5)
    })

    it("tells a subscriber the present value, then each change, and nothing after it left", async () => {
      await s.gain.set(1, { timeout: 20 })
      const seen: number[] = []
      const subscription = s.gain.subscribe(({ value }) => seen.push(value))
      await expect.poll(() => seen.at(-1), { timeout: 10_000 }).toBe(1)
      await rig.change("gain", 2)
      await expect.poll(() => seen.at(-1), { timeout: 10_000 }).toBe(2)
      subscription.unsubscribe()
      const arrived = until(s.gain, 3, { timeout: 20 })
      await rig.change("gain", 3)
      await arrived
      expect(seen).toEqual([1, 2])
    })

    it("waits for a value", async () => {
      const status = until(s.count, value => value > 100, { timeout: 20 })
      await rig.change("count", 50)
      await rig.change("count", 101)
      expect(await status).toBe(101)
    })

    it("locates set-point and read-back", async () => {
      await s.gain.set(4, { timeout: 20 })
      expect(await s.gain.locate()).toEqual({ setpoint: 4, readback: 4 })
    })

    it("gives a typed array that belongs to the caller", async () => {
      const before = await s.spectrum.get()
      await s.spectrum.set(Float64Array.of(9), { timeout: 20 })
      expect(before).toHaveLength(5)
    })
  })
}

/** What holds for tables besides. */
export function tableContract(
  backend: string,
  open: () => Promise<ContractRig<TableContractSignals>> | ContractRig<TableContractSignals>,
): void {
  describe(`a table over ${backend}`, () => {
    let rig: ContractRig<TableContractSignals>
    let profile: SignalRW<Profile>
    const first: Profile = {
      position: Float64Array.of(1, 2),
      count: Int32Array.of(10, 20),
      label: ["a", "b"],
    }

    beforeAll(async () => {
      rig = await open()
      profile = rig.signals.profile
      await connect(profile, { timeout: 20 })
    })
    afterAll(async () => {
      await rig?.close()
    })

    it("is read as an array for each column", async () => {
      expect(await profile.get()).toEqual(first)
      const { [profile.name]: reading } = await profile.read()
      expect(reading).toMatchObject({ value: first, alarm_severity: 0 })
      expect(Math.abs((reading?.timestamp ?? 0) - Date.now() / 1000)).toBeLessThan(600)
    })

    it("is described by the number of its rows and the type of each column", async () => {
      expect(await profile.describe()).toEqual({
        [profile.name]: {
          source: profile.source,
          dtype: "array",
          dtype_numpy: [
            ["position", "<f8"],
            ["count", "<i4"],
            ["label", "|S40"],
          ],
          shape: [2],
        },
      })
    })

    it("is written whole, and followed", async () => {
      const seen: Profile[] = []
      using _ = profile.subscribe(({ value }) => seen.push(value))
      await expect.poll(() => seen.at(-1), { timeout: 10_000 }).toEqual(first)
      const second: Profile = {
        position: Float64Array.of(0.5, -1, 3),
        count: Int32Array.of(1, 2, 3),
        label: ["x", "", "z"],
      }
      await profile.set(second, { timeout: 20 })
      expect(await profile.get()).toEqual(second)
      await expect.poll(() => seen.at(-1), { timeout: 10_000 }).toEqual(second)
    })

    it("is refused before writing when a column is missing, unknown, of another type or of another length", async () => {
      const before = await profile.get()
      const refused = (value: unknown) => expect(() => profile.set(value as Profile))
      refused({ position: [1], count: [1] }).toThrow(/column label: undefined is not a list of strings/)
      refused({ ...before, speed: [1] }).toThrow(
        /no such column: speed; it is a table\(position: float64Array/,
      )
      refused({ ...before, count: [1.5, "x", 2] }).toThrow(
        /column count: \[1.5, "x", 2\] is not a Int32Array/,
      )
      refused({ ...before, label: ["one"] }).toThrow(/of equal length, not position 3, count 3, label 1/)
      refused([1, 2]).toThrow(/\[1, 2\] is no table/)
      expect(await profile.get()).toEqual(before)
    })
  })
}
