import { expect, expectTypeOf, it } from "vitest"
import {
  Device,
  derivedSignal,
  double,
  integer,
  LimitError,
  type SignalR,
  type SignalRW,
} from "../../src/index.ts"
import { putsOf, setMockValue } from "../../src/testing/index.ts"

class Slit extends Device {
  readonly left = this.soft.rw(double, { limits: { control: { low: -5, high: 5 } } })
  readonly right = this.soft.rw(double, { initial: 2 })
  readonly gap = derivedSignal(
    double,
    {
      from: { left: this.left, right: this.right },
      get: ({ left, right }) => right - left,
      set: (gap, { left, right }) => ({ left: (left + right - gap) / 2, right: (left + right + gap) / 2 }),
      units: "mm",
      precision: 3,
    },
    { kind: "hinted" },
  )
  readonly steps = derivedSignal(integer, {
    from: { gap: this.gap },
    get: ({ gap }) => Math.round(gap * 1000),
  })
}

it("a derived signal reads, describes and watches what follows from its inputs", async () => {
  const slit = new Slit({ name: "slit" })
  expect(await slit.read()).toMatchObject({ slit_gap: { value: 2 }, slit_steps: { value: 2000 } })
  expect(await slit.gap.describe()).toMatchObject({
    slit_gap: { source: "derived://slit_gap", units: "mm", precision: 3, dtype: "number" },
  })
  const seen: number[] = []
  const subscription = slit.steps.subscribe(({ value }) => seen.push(value))
  await slit.left.set(1)
  subscription.unsubscribe()
  await slit.left.set(0)
  expect(seen).toEqual([2000, 1000])
})

it("writes its inputs, after all of them were checked", async () => {
  const slit = new Slit({ name: "slit" })
  await slit.gap.set(4)
  expect([await slit.left.get(), await slit.right.get()]).toEqual([-1, 3])
  const refused = slit.gap.set(100)
  await expect(refused).rejects.toThrow("slit_left: -49 is outside its limits -5 to 5")
  expect(refused.error?.cause).toBeInstanceOf(LimitError)
  expect(await slit.right.get()).toBe(3)
})

it("in a mock device follows the mock values, with the newest time stamp and the worst alarm", async () => {
  const slit = new Slit({ name: "slit" })
  await slit.connect({ mock: true })
  setMockValue(slit.left, 1, { timestamp: 100, alarm_severity: 2, message: "HIGH" })
  setMockValue(slit.right, 2, { timestamp: 200 })
  expect(await slit.gap.read()).toEqual({
    slit_gap: { value: 1, timestamp: 200, alarm_severity: 2, message: "HIGH" },
  })
  await slit.gap.set(3)
  expect(putsOf(slit.left)).toEqual([{ value: 0, completion: true }])
})

it("types: with a way back it can be set, without one it cannot", () => {
  const slit = new Slit()
  expectTypeOf(slit.gap).toEqualTypeOf<SignalRW<number>>()
  expectTypeOf(slit.steps).toEqualTypeOf<SignalR<number>>()
})
