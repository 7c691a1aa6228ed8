import { Status } from "@ophyd-ts/core"
import { describe, expect, it } from "vitest"
import { bp, type DocumentArgs, RunEngine } from "../src/index.ts"
import { peakAt, recordDocuments, simDetector, simMotor } from "../src/testing/index.ts"

const motor = simMotor("motor")
const detector = simDetector("detector", { value: peakAt(motor) })

describe("recorded documents", () => {
  it("are counted, and give the values of a key point by point", async () => {
    const RE = new RunEngine()
    const documents = recordDocuments(RE)
    await RE.run(bp.scan([detector], motor, -1, 1, 3))
    documents.assertEmitted({ start: 1, descriptor: 1, event: 3, stop: 1 })
    expect(documents.values("motor")).toEqual([-1, 0, 1])
    expect(documents.of("stop")[0]).toMatchObject({ exit_status: "success", num_events: { primary: 3 } })
    expect(() => documents.assertEmitted({ start: 1, event: 4, stop: 1 })).toThrow(
      "the documents are 1 descriptor, not 0; 3 event, not 4",
    )
    expect(() => documents.values("moter")).toThrow(
      /^no event of the stream primary has moter; there are .*motor/,
    )
    expect(documents.values("motor", "baseline")).toEqual([])
  })

  it("of flyers give the values of pages too", async () => {
    const key = { source: "sim", dtype: "number" as const, shape: [] }
    const flyer = {
      name: "f",
      kickoff: () => Status.finished(),
      complete: () => Status.finished(),
      describeCollect: () => ({ f_x: key }),
      *collect() {
        for (const x of [1, 4, 9]) yield { time: 0, data: { f_x: x }, timestamps: { f_x: 0 } }
      },
    }
    const RE = new RunEngine()
    const documents = recordDocuments(RE)
    const { runUids } = await RE.run(bp.fly([flyer]))
    documents.assertEmitted({ start: 1, descriptor: 1, event_page: 1, stop: 1 })
    expect(documents.of("start").map(({ uid }) => uid)).toEqual(runUids)
    expect(documents.values("f_x", documents.of("descriptor")[0]?.name)).toEqual([1, 4, 9])
  })

  it("that break the rules of the event model are thrown back, and a run without an end is told", async () => {
    const documents = recordDocuments(new RunEngine())
    const start = ["start", { uid: "a", time: 0 }] as unknown as DocumentArgs
    documents.subscriber(...start)
    expect(() => documents.assertEmitted({ start: 1 })).toThrow(/without a stop document: a/)
    expect(() => documents.subscriber(...start)).toThrow(/uid a was used before/)
  })
})
