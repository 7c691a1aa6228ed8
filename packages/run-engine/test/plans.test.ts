import fc from "fast-check"
import { describe, expect, it, vi } from "vitest"
import { bp, bpp, bps, outerProduct, type Plan, RunEngine, RunEngineSimulator } from "../src/index.ts"
import { peakAt, simDetector, simMotor } from "../src/testing/index.ts"
import { brief, ofKind, recording } from "./support/recording.ts"

const simulated = (plan: Plan<unknown>) => new RunEngineSimulator().simulatePlan(plan).map(brief)
const point = ["trigger d", "trigger m", "wait", "create primary", "read d", "read m", "save"]

describe("message sequences", () => {
  const [a, b, m, n] = [simMotor("a"), simMotor("b"), simMotor("m"), simMotor("n")]
  const d = simDetector("d")
  const sequences: [string, () => Plan<unknown>, string[]][] = [
    ["mv(a, 1, b, 2)", () => bps.mv(a, 1, b, 2), ["set a 1", "set b 2", "wait"]],
    ["mvr(a, 1)", () => bps.mvr(a, 1), ["locate a", "set a 1", "wait"]],
    [
      "count([d], 2)",
      () => bp.count([d], 2),
      [
        "stage d",
        "open_run",
        ...[1, 2].flatMap(() => [
          "checkpoint",
          "checkpoint",
          "trigger d",
          "wait",
          "create primary",
          "read d",
          "save",
        ]),
        "close_run",
        "unstage d",
      ],
    ],
    [
      "scan([d], m, -1, 1, 3)",
      () => bp.scan([d], m, -1, 1, 3),
      [
        "stage d",
        "stage m",
        "open_run",
        ...[-1, 0, 1].flatMap(x => ["checkpoint", `set m ${x}`, "wait", ...point]),
        "close_run",
        "unstage m",
        "unstage d",
      ],
    ],
    [
      "relScan: back to the start after unstaging",
      () => bp.relScan([d], m, 0, 1, 2),
      [
        "stage d",
        "stage m",
        "open_run",
        "checkpoint",
        "locate m",
        "locate m",
        ...["set m 0", "wait", ...point, "checkpoint", "set m 1", "wait", ...point],
        "close_run",
        "unstage m",
        "unstage d",
        "set m 0",
        "wait",
      ],
    ],
    [
      "baseline",
      () => bpp.baseline([a], bpp.run({}, bps.null())),
      [
        "open_run",
        ...["declare_stream", "trigger a", "wait", "create baseline", "read a", "save"],
        "null",
        ...["trigger a", "wait", "create baseline", "read a", "save"],
        "close_run",
      ],
    ],
    [
      "monitors directly after open_run and before close_run",
      () => bpp.monitorDuring([a.readback], bpp.run({}, bps.null())),
      ["open_run", "monitor a", "null", "unmonitor a", "close_run"],
    ],
    [
      "lazily staged devices",
      () => bpp.lazilyStage(bpp.pchain(bps.absSet(a, 1), bps.read(d), bps.absSet(a, 2))),
      ["stage a", "set a 1", "stage d", "read d", "set a 2", "unstage d", "unstage a"],
    ],
    [
      "a plan as a part of another's run",
      () => bpp.stub(bp.count([d])),
      [...["checkpoint", "checkpoint", "trigger d", "wait", "create primary", "read d", "save"]],
    ],
  ]

  it.each(sequences)("%s", (_, plan, messages) => {
    expect(simulated(plan())).toEqual(messages)
  })

  it("sets only axes that move, slow axis first, in a snaked grid", () => {
    const sets = simulated(bp.gridScan([d], n, 0, 1, 2, m, 0, 2, 3, { snakeAxes: true })).filter(x =>
      x.startsWith("set"),
    )
    expect(sets).toEqual(["set n 0", "set m 0", "set m 1", "set m 2", "set n 1", "set m 1", "set m 0"])
  })

  it("waits for what takes time to stage", async () => {
    const { RE, log } = recording()
    const { Status } = await import("@ophyd-ts/core")
    const slow = (name: string) => ({
      ...simDetector(name),
      name,
      stage: () => Status.run({ name, action: "stage" }, () => Promise.resolve()),
      unstage: () => [],
    })
    await RE.run(bpp.stage([slow("x"), slow("y")], bps.null()))
    expect(log).toEqual(["stage x", "stage y", "wait", "null", "unstage y", "unstage x"])
  })

  it("stages each device once, and a child's device for the child", () => {
    expect(simulated(bpp.stage([m, m.readback, d], bps.null()))).toEqual([
      "stage m",
      "stage d",
      "null",
      "unstage d",
      "unstage m",
    ])
  })
})

describe("plans", () => {
  it("come back to the start also after an error", async () => {
    const motor = simMotor("m", { position: 5 })
    let shots = 0
    const det = simDetector("d", {
      value: () => {
        if (++shots === 2) throw new Error("overflow")
        return 1
      },
    })
    const RE = new RunEngine()
    await expect(RE.run(bp.relScan([det], motor, -1, 1, 3))).rejects.toThrow("overflow")
    expect(motor.moves).toEqual([4, 5, 5])
    expect(motor.position).toBe(5)
  })

  it("snake in two and three axes", () => {
    const three = outerProduct(
      [
        [0, 1],
        [0, 1],
        [0, 1, 2],
      ],
      [false, true, true],
    )
    expect(three.map(p => p.join(""))).toEqual([
      "000",
      "001",
      "002",
      "012",
      "011",
      "010",
      "110",
      "111",
      "112",
      "102",
      "101",
      "100",
    ])
    const middle = outerProduct(
      [
        [0, 1],
        [0, 1],
        [0, 1],
      ],
      [false, true, false],
    )
    expect(middle.map(p => p.join(""))).toEqual(["000", "001", "010", "011", "110", "111", "100", "101"])
  })

  it("visit every combination once, snaked or not, and a snaked path moves one axis at a time", () => {
    const axis = fc.integer({ min: 1, max: 4 }).map(n => Array.from({ length: n }, (_, i) => i))
    fc.assert(
      fc.property(fc.array(axis, { minLength: 1, maxLength: 4 }), axes => {
        const plain = outerProduct(
          axes,
          axes.map(() => false),
        )
        const snaked = outerProduct(
          axes,
          axes.map((_, i) => i > 0),
        )
        expect([...snaked].sort()).toEqual([...plain].sort())
        for (let i = 1; i < snaked.length; i++) {
          const moved = snaked[i]!.map((x, k) => Math.abs(x - snaked[i - 1]![k]!))
          expect(moved.reduce((sum, x) => sum + x, 0)).toBe(1)
        }
      }),
    )
  })

  it("sleep only what is left of a count's delay", () => {
    let time = 0
    const shot = function* (): Plan<void> {
      yield* bps.null()
      time += 2
    }
    const sleeps = (delay: number | number[]) => {
      const plan = bps.repeat(shot, 3, delay, () => time)
      return new RunEngineSimulator().simulatePlan(plan).flatMap(m => (m.command === "sleep" ? m.args : []))
    }
    expect(sleeps(5)).toEqual([3, 3])
    expect(sleeps([6, 1])).toEqual([4])
    expect(sleeps(0)).toEqual([])
  })

  it("refuse a list of delays that is too short", async () => {
    const RE = new RunEngine()
    await expect(RE.run(bp.count([simDetector("d")], 4, { delay: [0, 0] }))).rejects.toThrow(
      "4 shots need 3 delays",
    )
  })

  it("count once by default, and not at all with 0", async () => {
    const { RE, docs } = recording()
    await RE.run(bp.count([simDetector("d")]))
    await RE.run(bp.count([simDetector("d")], 0))
    const starts = ofKind(docs, "start")
    expect(starts.map(s => [s["num_points"], s["num_intervals"]])).toEqual([
      [1, 0],
      [0, 0],
    ])
    expect(ofKind(docs, "stop").map(s => s.num_events)).toEqual([{ primary: 1 }, {}])
  })

  it("count until stopped", async () => {
    const { RE, docs } = recording()
    const ended = RE.run(bp.count([simDetector("d")], null))
    await expect.poll(() => ofKind(docs, "event").length).toBeGreaterThan(10)
    await RE.stop()
    expect((await ended).exitStatus).toBe("success")
    expect(ofKind(docs, "start")[0]?.["num_points"]).toBeNull()
  })

  it("scan one point, and refuse zero, halves and a forgotten number", () => {
    const [motor, det] = [simMotor("m"), simDetector("d")]
    expect(simulated(bp.scan([det], motor, 3, 9, 1)).filter(x => x.startsWith("set"))).toEqual(["set m 3"])
    expect(() => bp.scan([det], motor, 0, 1, 0)).toThrow(/positive whole number/)
    expect(() => bp.scan([det], motor, 0, 1, 2.5)).toThrow(/positive whole number/)
    expect(() => bp.scan([det], motor, 0, 1)).toThrow(/then the number of points/)
    expect(() => bp.scan([det], det as never, 0, 1, 2)).toThrow(/"?d"?.*no set\(\)/)
    expect(() => bp.scan(det as never, motor, 0, 1, 2)).toThrow(/must be a list/)
    expect(() => bp.scan([det], motor, 0, 1, motor, 0, 1, 2)).toThrow(/listed twice/)
    expect(() => bp.listScan([det], motor, [1, 2], simMotor("n"), [1])).toThrow(/same length/)
    expect(() => bp.gridScan([det], motor, 0, 1, 2, { snakeAxes: [motor] })).toThrow(/slowest/)
    expect(() => bp.logScan([det], motor, Number.NaN, 1, 2)).toThrow(/exponent at the start must be a number/)
    expect(() => bp.relLogScan([det], motor, 0, 1, 1.5)).toThrow(/positive whole number/)
  })

  it("let perStep replace the inner step, and perShot the shot", async () => {
    const [motor, det] = [simMotor("m"), simDetector("d")]
    const perStep = vi.fn(function* (): Plan<void> {
      yield* bps.null()
    })
    expect(simulated(bp.scan([det], motor, 0, 1, 2, { perStep })).slice(3, 5)).toEqual(["null", "null"])
    expect(perStep.mock.calls[1]?.slice(0, 2)).toEqual([[det], new Map([[motor, 1]])])
    expect(simulated(bp.count([det], 2, { perShot: perStep })).slice(2, 6)).toEqual([
      "checkpoint",
      "null",
      "checkpoint",
      "null",
    ])
  })

  it("say in the start document what they are", async () => {
    const { RE, docs } = recording()
    const [x, y] = [simMotor("x"), simMotor("y")]
    const det = simDetector("d", { value: peakAt(x) })
    const { value, runUids } = await RE.run(
      bp.gridScan([det], y, 0, 1, 2, x, -1, 1, 3, { snakeAxes: [x], md: { sample: "Si" } }),
    )
    expect(value).toBe(runUids[0])
    expect(ofKind(docs, "start")[0]).toMatchObject({
      plan_name: "grid_scan",
      detectors: ["d"],
      motors: ["y", "x"],
      num_points: 6,
      num_intervals: 5,
      shape: [2, 3],
      extents: [
        [0, 1],
        [-1, 1],
      ],
      snaking: [false, true],
      plan_args: { detectors: ["d"], args: ["y", 0, 1, 2, "x", -1, 1, 3, true] },
      plan_pattern: "outer_product",
      plan_pattern_module: "bluesky.plan_patterns",
      hints: {
        gridding: "rectilinear",
        dimensions: [
          [["y"], "primary"],
          [["x"], "primary"],
        ],
      },
      sample: "Si",
    })
  })
})

describe("preprocessors", () => {
  it("pass an end on to the plan they mutate, and its clean-up through the mutation", async () => {
    const motor = simMotor("m")
    const { RE, log } = recording()
    const plan = (function* () {
      try {
        yield* bps.sleep(1000)
      } finally {
        yield* bps.mv(motor, 1)
      }
    })()
    const doubled = bpp.msgMutator(plan, m =>
      m.command === "set" ? { ...m, args: [10 * (m.args[0] as number)] } : m,
    )
    const ended = RE.run(doubled)
    await RE.stop()
    await ended
    expect(log).toEqual(["sleep", "set m 10", "wait"])
  })

  it("add metadata, and let supplemental data follow its lists", async () => {
    const { RE, docs } = recording()
    const supplemental = new bpp.SupplementalData({ baseline: [simMotor("stage")] })
    RE.preprocessors.push(supplemental.preprocessor, plan => bpp.injectMd({ proposal: 7 }, plan))
    await RE.run(bp.count([simDetector("d")]))
    supplemental.baseline.length = 0
    await RE.run(bp.count([simDetector("d")]))
    expect(ofKind(docs, "stop").map(s => s.num_events)).toEqual([{ baseline: 2, primary: 1 }, { primary: 1 }])
    expect(ofKind(docs, "start").map(s => s["proposal"])).toEqual([7, 7])
  })

  it("handle a failure as contingency says", async () => {
    const RE = new RunEngine()
    const did: string[] = []
    const note = (text: string) =>
      function* (): Plan<string> {
        did.push(text)
        yield* bps.null()
        return text
      }
    const fail = function* (): Plan<string> {
      yield* bps.null()
      throw new Error("broke")
    }
    const parts = { except: note("except"), else: note("else"), final: note("final") }
    const saved = await RE.run(bpp.contingency(fail, { ...parts, autoRaise: false }))
    expect([saved.value, did.splice(0)]).toEqual(["except", ["except", "final"]])
    await expect(RE.run(bpp.contingency(fail, parts))).rejects.toThrow("broke")
    expect(did.splice(0)).toEqual(["except", "final"])
    expect((await RE.run(bpp.contingency(note("plan"), parts))).value).toBe("plan")
    expect(did).toEqual(["plan", "else", "final"])
  })
})
