import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Frame } from "../../../src/ioc/area-detector/frame.ts"
import type { Content, FieldSpec } from "../../../src/ioc/records/field.ts"
import { OnClock } from "./on-clock.ts"

/** What a client may write to a record, sense or nonsense. */
function anything({ type, choices = [] }: FieldSpec): fc.Arbitrary<Content> {
  const int = fc.oneof(fc.integer({ min: -3, max: 40 }), fc.constantFrom(2 ** 31 - 1, -(2 ** 31)))
  if (type === "enum") return fc.nat(choices.length - 1)
  if (type === "long" || type === "short") return int
  if (type === "double") return fc.oneof(fc.double(), fc.double({ min: -10, max: 100 }), int)
  return fc.constantFrom("", "SIM1", "ROI1", "NOBODY", "x")
}

/** Settings of camera and plugins that work on images. */
const settings = (ad: OnClock): [name: string, spec: FieldSpec][] =>
  ad.ad.records
    .filter(({ name }) => /:(cam1|ROI1|Stats1|image1|Pva1):/.test(name) && !name.endsWith("Acquire"))
    .flatMap(({ name, table }): [string, FieldSpec][] => {
      const spec: FieldSpec | undefined = table["VAL"]
      const isSetting = spec !== undefined && !spec.readOnly && spec.type !== "array" && spec.type !== "chars"
      return isSetting ? [[name.replace("x:ad:", ""), spec]] : []
    })

const isWhole = ({ data, dimensions }: Frame): boolean =>
  data.length === dimensions.reduce((product, { size }) => product * size, 1) &&
  dimensions.every(({ size }) => Number.isInteger(size) && size > 0)

describe("whatever clients write to the detector", () => {
  it("the next acquisition ends, and its images are whole", { timeout: 60_000 }, () => {
    const list = settings(new OnClock())
    expect(list.length).toBeGreaterThan(100)
    const write = fc
      .constantFrom(...list)
      .chain(([name, spec]) => fc.tuple(fc.constant(name), anything(spec)))
    fc.assert(
      fc.property(fc.array(write, { minLength: 1, maxLength: 12 }), writes => {
        const ad = new OnClock({ sensor: [24, 17] })
        ad.set({ "ROI1:EnableCallbacks": 1, "Stats1:EnableCallbacks": 1, "Stats1:ComputeProfiles": 1 })
        ad.set({ "Stats1:ComputeHistogram": 1, "Stats1:NDArrayPort": "ROI1", "cam1:NumImages": 2 })
        const seen = [...[ad.frames(), ad.frames("roi")]]
        for (const [name, value] of writes) ad.put(name, value)
        ad.put("cam1:AcquireTime", 0.01)
        void ad.put("cam1:Acquire", 1)
        ad.clock.advance(0.05)
        ad.put("cam1:Acquire", 0)
        expect(ad.choice("cam1:AcquireBusy")).toBe("Done")
        for (const frame of seen.flat()) expect(isWhole(frame)).toBe(true)
      }),
      { numRuns: 200 },
    )
  })
})
