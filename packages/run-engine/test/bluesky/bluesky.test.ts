/**
 * What this engine does beside what bluesky does with the same plans and devices. The recordings in `fixtures/bluesky`
 * say which version made them; `interop/python/record_bluesky.py` makes them anew. Where the two differ, the
 * difference is stated here and explained in docs/differences-from-bluesky.md.
 */
import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { inOurWords, pausedScan } from "./differences.ts"
import { kit } from "./kit.ts"
import { type Recording, record } from "./record.ts"
import { errors, pausing, plans } from "./scenarios.ts"

interface Fixture {
  origin: string
  versions: Record<string, string>
  scenarios: Record<string, Recording>
}

const fixture = (name: string): Fixture =>
  JSON.parse(readFileSync(new URL(`../fixtures/bluesky/${name}.json`, import.meta.url), "utf8"))

describe("plans do what bluesky's do, message by message and document by document", () => {
  const { scenarios } = fixture("plans")

  it("all of them are compared", () => {
    expect(Object.keys(plans)).toEqual(Object.keys(scenarios))
  })

  it.each(Object.keys(plans))("%s", async name => {
    const ours = await record(plans[name]!(kit()))
    expect(ours).toEqual(inOurWords(scenarios[name]!, ours))
  })
})

describe("errors are found where bluesky finds them, and runs end as there", () => {
  const { scenarios } = fixture("errors")

  it("all of them are compared", () => {
    expect(Object.keys(errors)).toEqual(Object.keys(scenarios))
  })

  it.each(Object.keys(errors))("%s", async name => {
    const ours = await record(errors[name]!(kit()))
    expect(ours).toEqual(inOurWords(scenarios[name]!, ours))
  })
})

describe("a relative scan paused before each message goes on or ends as bluesky's does", () => {
  const { scenarios } = fixture("interruptions")

  it.each(["resume", "stop", "abort", "halt"] as const)("%s", async verb => {
    const positions = Object.keys(scenarios).filter(name => name.startsWith(verb))
    expect(positions.length).toBeGreaterThan(20)
    for (const name of positions) {
      const position = Number(name.split(" at ")[1])
      const ours = await record(pausing(kit(), position), verb)
      expect(ours, name).toEqual(inOurWords(pausedScan(scenarios, verb, position), ours))
    }
  })
})
