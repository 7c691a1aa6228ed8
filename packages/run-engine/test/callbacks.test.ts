import { float64Array, Status, softSignal, stringArray, table as tableType } from "@ophyd-ts/core"
import { TestClock } from "@ophyd-ts/core/testing"
import { describe, expect, it } from "vitest"
import {
  bp,
  bpp,
  bps,
  DocumentRuleError,
  DocumentRules,
  documentFromJson,
  documentToJson,
  liveTable,
  type NamedDocument,
  PeakStatsCollector,
  peakStats,
  progressBars,
  RunEngine,
  runRouter,
} from "../src/index.ts"
import { peakAt, simDetector, simMotor } from "../src/testing/index.ts"
import { names, ofKind, recording } from "./support/recording.ts"

describe("live table", () => {
  const table = async (make: (RE: RunEngine) => Promise<unknown>, fields?: string[]) => {
    let text = ""
    const { RE } = recording({ uid: () => "0123456789" })
    const write = (more: string) => {
      text += more
    }
    RE.subscribe(liveTable({ write, formatTime: () => "06:00:04.1", ...(fields && { fields }) }))
    await make(RE).catch(() => {})
    return text
  }

  it("shows what is scanned and what is measured", async () => {
    const motor = simMotor("motor")
    const det = simDetector("det", { value: peakAt(motor, { sigma: 1 }) })
    expect(await table(RE => RE.run(bp.scan([det], motor, -1000, 1, 3)))).toBe(`

+-----------+------------+------------+------------+
|   seq_num |       time |      motor |        det |
+-----------+------------+------------+------------+
|         1 | 06:00:04.1 |  -1000.000 |      0.000 |
|         2 | 06:00:04.1 |   -499.500 |      0.000 |
|         3 | 06:00:04.1 |      1.000 |      0.607 |
+-----------+------------+------------+------------+
generator scan ['01234567'] (scan num: 1)



`)
  })

  it("shows of arrays and tables how long they are", async () => {
    const wave = softSignal(float64Array, { name: "wave", initial: new Float64Array(7) })
    const steps = softSignal(tableType({ x: float64Array, label: stringArray }), {
      name: "steps",
      initial: { x: Float64Array.of(1, 2), label: ["a", "b"] },
    })
    const shown = await table(RE => RE.run(bp.count([wave, steps])), ["wave", "steps"])
    expect(shown).toContain("|         1 | 06:00:04.1 |        [7] |        [2] |")
  })

  it("shows the columns asked for, wide names, tiny and huge values, and why a run failed", async () => {
    const values = [1e-9, 1e12, Number.NaN]
    const det = simDetector("a_rather_long_name", {
      value: () => {
        const next = values.shift()
        if (next === undefined) throw new Error("no more")
        return next
      },
    })
    const text = await table(RE => RE.run(bp.count([det], 4)), ["a_rather_long_name", "absent"])
    expect(text.trim().split("\n")).toEqual([
      "+-----------+------------+--------------------+",
      "|   seq_num |       time | a_rather_long_name |",
      "+-----------+------------+--------------------+",
      "|         1 | 06:00:04.1 |           1.000e-9 |",
      "|         2 | 06:00:04.1 |          1.000e+12 |",
      "|         3 | 06:00:04.1 |                NaN |",
      "+-----------+------------+--------------------+",
      "generator count ['01234567'] (scan num: 1) fail: no more",
    ])
  })
})

describe("progress bars", () => {
  const clear = (n: number) => `\x1b[${n}A\x1b[J`

  it("show who moves where, how far it is, and vanish when the wait is over", () => {
    const clock = new TestClock()
    let text = ""
    const write = (more: string) => {
      text += more
    }
    const hook = progressBars({ write, width: () => 50, clock })
    let report: (p: { fraction: number; current: number }) => void = () => {}
    const moving = new Status({ name: "m", action: "move to", target: 4, unit: "mm", clock }, action => {
      report = progress => action.progress({ ...progress, unit: "mm" })
    })
    const plain = new Status({ name: "d", action: "trigger", clock }, () => {})
    hook([moving, plain])
    clock.advance(0.1)
    expect(text).toBe("")
    report({ fraction: 0.5, current: 2 })
    clock.advance(0.1)
    expect(text).toMatch(/^m: move to 4 mm: 2\.000 mm {2}50 % .*\[█+·+\]\nd: trigger: …\n$/)
    expect(text.split("\n").every(l => l.length <= 50)).toBe(true)
    text = ""
    hook(null)
    expect(text).toBe(clear(2))
    clock.advance(10)
    expect(text).toBe(clear(2))
  })

  it("do not flicker for short waits", () => {
    const clock = new TestClock()
    let text = ""
    const hook = progressBars({ write: more => (text += more), clock })
    hook([new Status({ name: "m", clock }, () => {})])
    clock.advance(0.15)
    hook(null)
    clock.advance(10)
    expect(text).toBe("")
  })
})

describe("peak statistics", () => {
  const x = [-3, -2, -1, 0, 1, 2, 3]

  it("of a symmetric peak are at its centre", () => {
    const stats = peakStats(x, [0, 0, 2, 4, 2, 0, 0])
    expect(stats).toEqual({
      min: [-3, 0],
      max: [0, 4],
      com: 0,
      cen: 0,
      crossings: [-1, 1],
      fwhm: 2,
      background: null,
    })
  })

  it("of a slope have one crossing and no width; a background can be taken off", () => {
    const slope = peakStats(x, x)
    expect(slope).toMatchObject({ cen: 0, crossings: [0], fwhm: null, com: null })
    const lifted = x.map(v => 10 + 2 * v + (v === 0 ? 5 : 0))
    const flat = peakStats(x, lifted, { edgeCount: 1 })
    expect(flat?.background).toEqual({ slope: 2, intercept: 10 })
    expect(flat).toMatchObject({ cen: 0, fwhm: 1, max: [0, 15] })
    expect(peakStats([], [])).toBeNull()
  })

  it("are collected from a run, a point measured again counting once", async () => {
    const motor = simMotor("m")
    const RE = new RunEngine()
    const stats = new PeakStatsCollector("m", "d")
    RE.subscribe(stats.subscriber)
    await RE.run(
      bp.scan([simDetector("d", { value: peakAt(motor, { center: 0.5, sigma: 0.4 }) })], motor, -1, 2, 31),
    )
    expect(stats.result?.cen).toBeCloseTo(0.5, 6)
    expect(stats.result?.fwhm).toBeCloseTo(2 * Math.sqrt(2 * Math.LN2) * 0.4, 1)
  })
})

describe("documents as JSON", () => {
  it("keep what JSON does not have", () => {
    const doc = {
      numbers: [1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
      big: 2n ** 60n,
      f8: new Float64Array([1, Number.NaN]),
      i8: new BigInt64Array([-1n]),
      u2: new Uint16Array([1, 65535]).subarray(1),
      text: "x",
      nothing: null,
    }
    const text = documentToJson(doc)
    expect(JSON.parse(text)).toEqual({
      numbers: [1.5, { $number: "NaN" }, { $number: "Infinity" }, { $number: "-Infinity" }],
      big: { $int64: "1152921504606846976" },
      f8: { $array: "<f8", base64: "AAAAAAAA8D8AAAAAAAD4fw==" },
      i8: { $array: "<i8", base64: "//////////8=" },
      u2: { $array: "<u2", base64: "//8=" },
      text: "x",
      nothing: null,
    })
    expect(documentFromJson(text)).toEqual(doc)
  })
})

describe("rules between documents", () => {
  const run = async (): Promise<NamedDocument[]> => {
    const { RE, docs } = recording()
    await RE.run(bpp.baseline([simMotor("b")], bp.scan([simDetector("d")], simMotor("m"), 0, 1, 2)))
    return structuredClone(docs)
  }
  const check = (docs: readonly NamedDocument[]) => {
    const rules = new DocumentRules()
    for (const { name, doc } of docs) rules.check(...([name, doc] as Parameters<DocumentRules["check"]>))
    rules.finish()
  }

  it("hold for what the engine emits, also over a rewind, monitors, two runs and flyers' pages", async () => {
    const rules = new DocumentRules()
    const { RE } = recording()
    RE.subscribe(rules.subscriber, { strict: true })
    const det = simDetector("d")
    await RE.run(bpp.monitorDuring([det.exposure], bpp.baseline([simMotor("b")], bp.count([det], 3))))
    const ended = RE.run(
      bpp.run({}, function* () {
        yield* bps.checkpoint()
        yield* bpp.setRunKey("two", bps.openRun())
        yield* bps.checkpoint()
        yield* bps.triggerAndRead([det])
        yield* bps.sleep(0.01)
        yield* bpp.setRunKey("two", bps.closeRun())
      }),
    )
    await RE.requestPause({ defer: false })
    await RE.resume()
    await ended
    rules.finish()
  })

  const broken: [string, (docs: NamedDocument[]) => void, RegExp][] = [
    ["an event before its descriptor", d => d.splice(1, 1), /descriptor .* is not known/],
    ["no stop", d => d.pop(), /without a stop/],
    [
      "two stops",
      d => d.push({ ...d.at(-1)!, doc: { ...d.at(-1)!.doc, uid: "other" } } as NamedDocument),
      /is not open/,
    ],
    ["no start", d => d.shift(), /is not open/],
    ["a missing key", d => delete ofKind(d, "event")[0]!.data["b"], /do not agree on b/],
    ["a key too many", d => (ofKind(d, "event")[1]!.data["x"] = 1), /do not agree on x/],
    ["a timestamp missing", d => delete ofKind(d, "event")[0]!.timestamps["b"], /do not agree on b/],
    ["a number that jumps ahead", d => (ofKind(d, "event")[2]!.seq_num = 3), /seq_num 3/],
    ["a wrong count", d => (ofKind(d, "stop")[0]!.num_events["primary"] = 7), /is 7/],
    ["a count for no stream", d => (ofKind(d, "stop")[0]!.num_events["x"] = 1), /without descriptor: x/],
    ["a uid twice", d => (ofKind(d, "event")[1]!.uid = ofKind(d, "event")[0]!.uid), /was used before/],
    ["a key with a dot", d => (ofKind(d, "start")[0]!["a.b"] = 1), /a\.b/],
    ["filled for no key", d => (ofKind(d, "event")[0]!.filled["x"] = true), /filled names/],
  ]
  it.each(broken)("find %s", async (_, damage, text) => {
    const docs = await run()
    check(docs)
    damage(docs)
    expect(() => check(docs)).toThrow(DocumentRuleError)
    expect(() => check(docs)).toThrow(text)
  })
})

describe("a run router", () => {
  it("gives each run its own subscriber", async () => {
    const seen: Record<string, string[]> = {}
    const RE = new RunEngine()
    RE.subscribe(
      runRouter(start => {
        const mine: string[] = []
        seen[String(start["which"])] = mine
        return start["which"] === "skip" ? null : (name, _doc) => mine.push(name)
      }),
    )
    const two = bpp.setRunKey("b", bpp.run({ which: "b" }, bps.triggerAndRead([simDetector("y")])))
    await RE.run(
      bpp.run({ which: "a" }, function* () {
        yield* two
        yield* bps.triggerAndRead([simDetector("x")])
        yield* bpp.setRunKey("c", bpp.run({ which: "skip" }, bps.null()))
      }),
    )
    expect(seen).toEqual({
      a: ["start", "descriptor", "event", "stop"],
      b: ["start", "descriptor", "event", "stop"],
      skip: [],
    })
    expect(names([])).toEqual([])
  })
})
