import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { bp } from "@ophyd-ts/run-engine"
import { describe, expect, it } from "vitest"
import { folder, picture, reference, traceOf } from "../scripts/plan-pictures.ts"

const entries = reference()
const entry = (name: string) => entries.find(e => e.name === name)!

describe("the reference of plans", () => {
  it("has every plan, and no other", () => {
    expect(entries.map(e => e.name).sort()).toEqual(Object.keys(bp).sort())
  })

  it.each(entries)("shows $name: its signature, an example and the picture of that example", e => {
    expect(e.text).toMatch(new RegExp(`^\`${e.name}\\(.*\\)\`$`, "m"))
    expect(e.example).toMatch(new RegExp(`^bp\\.${e.name}\\(`))
    expect(e.text).toContain(`![${e.name}](plans/${e.name}.svg)`)
    expect(readFileSync(join(folder, `${e.name}.svg`), "utf8").replaceAll("\r\n", "\n")).toBe(picture(e))
  })

  it("has no picture of anything else", () => {
    expect(readdirSync(folder).sort()).toEqual(entries.map(e => `${e.name}.svg`).sort())
  })
})

describe("what the pictures show", () => {
  it("the points of a scan, both ends included, and no way there", () => {
    const { points, start } = traceOf(entry("scan"))
    expect(points.map(p => p["x"])).toEqual([-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1])
    expect(start).toBeNull()
  })

  it("a relative scan that begins where the motor is and returns there", () => {
    const { points, start, end } = traceOf(entry("relScan"))
    expect([points[0]?.["x"], points.at(-1)?.["x"]]).toEqual([4, 6])
    expect(start).toEqual({ x: 5, y: 3 })
    expect(end).toEqual(start)
  })

  it("the turns of a snaked grid", () => {
    const rows = traceOf(entry("gridScan")).points.map(p => `${p["x"]},${p["y"]}`)
    expect(rows.slice(3, 7)).toEqual(["3,0", "4,0", "4,1", "3,1"])
  })

  it("what happens where nothing moves", () => {
    expect(traceOf(entry("count")).steps.filter(step => step === "event")).toHaveLength(5)
    expect(traceOf(entry("fly")).steps).toEqual(["kickoff", "complete", "collect"])
  })
})
