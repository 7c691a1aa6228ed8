import { Status } from "@ophyd-ts/core"
import { describe, expect, it, vi } from "vitest"
import {
  BundleError,
  bpp,
  bps,
  FailedStatus,
  IllegalMessageSequence,
  InvalidCommand,
  MissingProtocol,
  type Msg,
  msg,
  type Plan,
  RunEngine,
  TransitionError,
  WaitTimeout,
} from "../src/index.ts"
import { simDetector, simMotor } from "../src/testing/index.ts"
import { deferred, names, ofKind, recording } from "./support/recording.ts"

describe("a plan's values", () => {
  it("returns the plan's value from run", async () => {
    const RE = new RunEngine()
    const result = await RE.run(
      (function* () {
        yield* bps.null()
        return 42
      })(),
    )
    expect(result).toMatchObject({
      value: 42,
      exitStatus: "success",
      interrupted: false,
      error: null,
      problems: [],
    })
    expect(RE.state).toBe("idle")
  })

  it("sends each message's result to its own yield", async () => {
    const motor = simMotor("m", { position: 3 })
    const det = simDetector("d", { value: () => 7 })
    const { RE } = recording()
    const { value } = await RE.run(
      (function* () {
        const status = yield* bps.absSet(motor, 5)
        const done = yield* bps.wait("nothing")
        const both = yield* bps.waitFor([() => Promise.resolve(1), () => Promise.resolve("two")])
        yield* bps.trigger(det, { wait: true })
        const readings = yield* bps.read(det)
        const position = yield* bps.rd(motor)
        const called = yield* bps.call(() => Promise.resolve("out"))
        return [status instanceof Status, done, both, readings["d"]?.value, position, called]
      })(),
    )
    expect(value).toEqual([true, true, [1, "two"], 7, 5, "out"])
  })

  it("refuses what is no plan and a second plan at the same time", async () => {
    const RE = new RunEngine()
    const gate = deferred()
    await expect(RE.run(function* () {} as unknown as Plan)).rejects.toThrow(/call the plan function/)
    const first = RE.run(bps.waitFor([() => gate.promise]))
    await expect(RE.run(bps.null())).rejects.toThrow(TransitionError)
    gate.resolve()
    await first
  })
})

describe("errors reach the plan", () => {
  it("throws an unknown command into the plan", async () => {
    const RE = new RunEngine()
    const { value } = await RE.run(
      (function* (): Plan<string> {
        try {
          yield msg("nonsense" as never) as unknown as Msg
        } catch (error) {
          return error instanceof InvalidCommand ? error.message : "?"
        }
        return ""
      })(),
    )
    expect(value).toContain('"nonsense"')
  })

  it.each<[string, unknown, RegExp]>([
    [
      "a plan, for want of a star",
      bps.null(),
      /a plan where a message is due: write yield\* in place of yield$/,
    ],
    ["a promise", Promise.resolve(), /a promise or a status .* yield\* bps\.call/],
    ["a number", 5, /yielded 5 where/],
    ["nothing", undefined, /yielded undefined where/],
    ["null", null, /yielded null where/],
  ])("says so when the plan yields %s, and lets it clean up", async (_, yielded, text) => {
    let cleaned = false
    const run = new RunEngine().run(
      (function* (): Plan {
        try {
          yield yielded as Msg
        } finally {
          cleaned = true
        }
      })(),
    )
    await expect(run).rejects.toThrow(text)
    expect(cleaned).toBe(true)
  })

  const det = simDetector("d")
  const signal = det.reading
  const illegal: [string, () => Plan<unknown>, RegExp][] = [
    ["a second open_run with the same key", () => bps.openRun(), /open already/],
    [
      "close_run without a run",
      () => inOther(msg("close_run", null, [], { exitStatus: null, reason: null }, "x")),
      /no run/,
    ],
    ["create without a run", () => inOther(msg("create", null, [], { name: "p" }, "x")), /no run/],
    ["save without a run", () => inOther(msg("save", null, [], {}, "x")), /no run/],
    ["drop without a run", () => inOther(msg("drop", null, [], {}, "x")), /no run/],
    ["monitor without a run", () => inOther(msg("monitor", signal, [], {}, "x")), /no run/],
    ["kickoff without a run", () => inOther(msg("kickoff", flyer, [], {}, "x")), /no run/],
    [
      "collect without a run",
      () => inOther(msg("collect", flyer, [[]], { stream: false, returnPayload: false, name: null }, "x")),
      /no run/,
    ],
    ["save without create", () => bps.save(), /create comes first/],
    ["drop without create", () => bps.drop(), /create comes first/],
    [
      "a second create before save",
      () => bpp.pchain(bps.create(), bps.create("other")),
      /save or drop it first/,
    ],
    [
      "a checkpoint within a bundle",
      () => bpp.pchain(bps.create(), bps.checkpoint()),
      /save or drop it first/,
    ],
    [
      "configure within a bundle",
      () => bpp.pchain(bps.create(), bps.configure(det, { exposure: 1 })),
      /save or drop/,
    ],
    [
      "monitor of what is monitored",
      () => bpp.pchain(bps.monitor(signal), bps.monitor(signal)),
      /monitored already/,
    ],
    ["unmonitor of what is not monitored", () => bps.unmonitor(signal), /is not monitored/],
  ]
  const flyer = {
    name: "flyer",
    kickoff: () => Status.finished(),
    complete: () => Status.finished(),
    describeCollect: () => ({}),
    collect: () => [],
  }
  const inOther = (message: Msg): Plan<unknown> => bpp.single(message)

  it.each(illegal)(
    "throws an illegal sequence into the plan, which may handle it: %s",
    async (_, wrong, text) => {
      const { RE, docs } = recording()
      const { exitStatus, value } = await RE.run(
        (function* () {
          yield* bps.openRun()
          let caught: unknown
          try {
            yield* wrong()
          } catch (error) {
            caught = error
          }
          yield* bps.closeRun()
          return caught
        })(),
      )
      expect(value).toBeInstanceOf(IllegalMessageSequence)
      expect((value as Error).message).toMatch(text)
      expect(exitStatus).toBe("success")
      expect(names(docs).at(-1)).toBe("stop")
    },
  )

  it("names the object and the member it lacks", async () => {
    const RE = new RunEngine()
    const lamp = { name: "lamp" }
    await expect(RE.run(bps.read(lamp as never))).rejects.toThrow(
      new MissingProtocol("read", lamp, "read").message,
    )
    await expect(RE.run(bps.absSet(lamp as never, 1))).rejects.toThrow('set: "lamp" has no set()')
  })

  it("closes the run with fail and the text of an error that the plan does not handle", async () => {
    const { RE, docs } = recording()
    const boom = new Error("no beam")
    const plan = (function* () {
      yield* bps.openRun()
      throw boom
    })()
    await expect(RE.run(plan)).rejects.toBe(boom)
    expect(ofKind(docs, "stop")[0]).toMatchObject({ exit_status: "fail", reason: "no beam" })
    expect(RE.lastResult).toMatchObject({
      exitStatus: "fail",
      reason: "no beam",
      error: boom,
      runUids: [docs[0]?.doc.uid],
    })
  })

  it("throws a failed status that nobody waits for at the next message, with who, what and why", async () => {
    const motor = simMotor("m", { moveTime: 1000 })
    const RE = new RunEngine()
    const { value } = await RE.run(
      (function* () {
        const status = yield* bps.absSet(motor, 3, { group: "g" })
        status.cancel(new Error("air pressure lost"))
        try {
          yield* bps.null()
        } catch (error) {
          yield* bps.null()
          return error
        }
        return null
      })(),
    )
    expect(value).toBeInstanceOf(FailedStatus)
    expect((value as FailedStatus).message).toMatch(/^m: move to 3 mm was cancelled.*air pressure lost/)
    expect((value as FailedStatus).cause).toBe((value as FailedStatus).status.error)
  })
})

describe("waiting", () => {
  it("throws when the time is over, naming what is pending, or gives false", async () => {
    const motor = simMotor("m", { moveTime: 1000 })
    const RE = new RunEngine()
    const { value } = await RE.run(
      (function* () {
        yield* bps.absSet(motor, 3, { group: "g" })
        const answer = yield* bps.wait("g", { timeout: 0.01, errorOnTimeout: false })
        try {
          yield* bps.wait("g", { timeout: 0.01 })
        } catch (error) {
          return [answer, error]
        }
        return null
      })(),
    )
    const [answer, error] = value as [boolean, Error]
    expect(answer).toBe(false)
    expect(error).toBeInstanceOf(WaitTimeout)
    expect(error.message).toContain("m: move to 3 mm")
    expect(motor.stops).toBe(1)
  })

  it("ends early when a watched group fails", async () => {
    const [slow, other] = [simMotor("slow", { moveTime: 1000 }), simMotor("other", { moveTime: 1000 })]
    const RE = new RunEngine()
    const run = RE.run(
      (function* () {
        yield* bps.absSet(slow, 1, { group: "slow" })
        const status = yield* bps.absSet(other, 1, { group: "other" })
        queueMicrotask(() => status.cancel(new Error("collided")))
        yield* bps.wait("slow", { watch: ["other"] })
      })(),
    )
    await expect(run).rejects.toThrow(/^other: move to 1 mm.*collided/)
  })

  it("tells the waiting hook what it waits for, then null", async () => {
    const waiting: (string[] | null)[] = []
    const { RE } = recording({
      hooks: { waiting: s => waiting.push(s === null ? null : s.map(x => x.description)) },
    })
    await RE.run(bps.mv(simMotor("a", { moveTime: 0.005 }), 1, simMotor("b", { moveTime: 0.005 }), 2))
    expect(waiting).toEqual([["a: move to 1 mm", "b: move to 2 mm"], null])
  })
})

describe("runs", () => {
  it("keeps two open runs apart by their keys", async () => {
    const { RE, docs } = recording()
    const [a, b] = [simDetector("a"), simDetector("b")]
    const inner = (d: typeof a, uid: string) => bpp.setRunKey(uid, bps.triggerAndRead([d]))
    await RE.run(
      (function* () {
        yield* bpp.setRunKey("one", bps.openRun({ which: 1 }))
        yield* bpp.setRunKey("two", bps.openRun({ which: 2 }))
        yield* inner(a, "one")
        yield* inner(b, "two")
        yield* inner(a, "one")
        yield* bpp.setRunKey("one", bps.closeRun())
        yield* bpp.setRunKey("two", bps.closeRun())
      })(),
    )
    const starts = ofKind(docs, "start")
    expect(starts.map(s => [s["which"], s.scan_id])).toEqual([
      [1, 1],
      [2, 2],
    ])
    const streams = ofKind(docs, "descriptor").map(d => [
      d.run_start === starts[0]?.uid,
      Object.keys(d.data_keys),
    ])
    expect(streams).toEqual([
      [true, ["a"]],
      [false, ["b"]],
    ])
    expect(ofKind(docs, "stop").map(s => s.num_events)).toEqual([{ primary: 2 }, { primary: 1 }])
  })

  it("refuses the same key from two devices in one bundle and emits nothing", async () => {
    const { RE, docs } = recording()
    await expect(
      RE.run(bpp.run({}, bps.triggerAndRead([simDetector("d"), simDetector("d")]))),
    ).rejects.toThrow(BundleError)
    expect(names(docs)).toEqual(["start", "stop"])
  })

  it("emits nothing for an empty bundle", async () => {
    const { RE, docs } = recording()
    await RE.run(bpp.run({}, () => bpp.pchain(bps.create(), bps.save())))
    expect(names(docs)).toEqual(["start", "stop"])
  })

  it("refuses other objects in a stream that exists", async () => {
    const { RE } = recording()
    const plan = () =>
      bpp.pchain(bps.triggerAndRead([simDetector("a")]), bps.triggerAndRead([simDetector("b")]))
    await expect(RE.run(bpp.run({}, plan))).rejects.toThrow(/records \[a\], it cannot take \[b\]/)
  })

  it("describes a stream once, and again after configure", async () => {
    const det = simDetector("d")
    const describe = vi.spyOn(det, "describe")
    const { RE, docs } = recording()
    await RE.run(
      bpp.run({}, function* () {
        yield* bps.triggerAndRead([det])
        yield* bps.triggerAndRead([det])
        yield* bps.configure(det, { exposure: 0.001 })
        yield* bps.triggerAndRead([det])
      }),
    )
    expect(names(docs)).toEqual(["start", "descriptor", "event", "event", "descriptor", "event", "stop"])
    expect(describe).toHaveBeenCalledTimes(2)
    expect(ofKind(docs, "event").map(e => e.seq_num)).toEqual([1, 2, 3])
    expect(ofKind(docs, "descriptor").map(d => d.configuration["d"]?.data["d_exposure"])).toEqual([0, 0.001])
  })

  it("begins all reads of a point together and keeps the devices' order", async () => {
    const began: string[] = []
    const gate = deferred()
    const slow = (name: string) => ({
      name,
      read: async () => {
        began.push(name)
        if (began.length === 3) gate.resolve()
        await gate.promise
        return { [name]: { value: 1, timestamp: 0 } }
      },
      describe: async () => ({ [name]: { source: "sim", dtype: "number" as const, shape: [] } }),
    })
    const { RE, docs } = recording()
    await RE.run(bpp.run({}, bps.triggerAndRead([slow("x"), slow("y"), slow("z")])))
    expect(Object.keys(ofKind(docs, "event")[0]?.data ?? {})).toEqual(["x", "y", "z"])
  })

  it("drops the bundle and rethrows when a read fails", async () => {
    const bad = { name: "bad", read: () => Promise.reject(new Error("no link")), describe: () => ({}) }
    const { RE, docs, log } = recording()
    await expect(RE.run(bpp.run({}, bps.triggerAndRead([simDetector("d"), bad])))).rejects.toThrow("no link")
    expect(log.at(-2)).toBe("drop")
    expect(names(docs)).toEqual(["start", "stop"])
  })
})

describe("metadata", () => {
  it("lets later sources win and counts scans", async () => {
    const { RE, docs } = recording({ metadata: { a: "store", b: "store", c: "store", scan_id: 41 } })
    await RE.run(bpp.run({ b: "open", c: "open" }, bps.null()), { c: "call" })
    await RE.run(bpp.run({}, bps.null()))
    const [first, second] = ofKind(docs, "start")
    expect(first).toMatchObject({ a: "store", b: "open", c: "call", scan_id: 42, plan_type: "generator" })
    expect(second).toMatchObject({ b: "store", scan_id: 43 })
  })

  it("emits no start document when the validator vetoes, and takes no scan id", async () => {
    const { RE, docs } = recording({
      validateMetadata: md => {
        if (md["sample"] === undefined) throw new Error("which sample?")
      },
      normalizeMetadata: md => ({ ...md, tidy: true }),
    })
    await expect(RE.run(bpp.run({}, bps.null()))).rejects.toThrow("which sample?")
    expect(docs).toEqual([])
    await RE.run(bpp.run({ sample: "Si" }, bps.null()))
    expect(ofKind(docs, "start")[0]).toMatchObject({ scan_id: 1, tidy: true })
  })

  it("refuses keys that readers cannot take", async () => {
    const { RE } = recording()
    await expect(RE.run(bpp.run({ "a.b": 1 }, bps.null()))).rejects.toThrow('"a.b"')
  })
})

describe("subscribers", () => {
  it("forgets a plan's subscriber at its end", async () => {
    const { RE } = recording()
    const seen: string[] = []
    const plan = () =>
      bpp.pchain(
        bps.subscribe((name, _doc) => seen.push(name)),
        bpp.run({}, bps.null()),
      )
    await RE.run(plan())
    await RE.run(bpp.run({}, bps.null()))
    expect(seen).toEqual(["start", "stop"])
  })

  it("goes on when a viewer throws and reports it; fails the plan when a recorder throws", async () => {
    const { RE, problems } = recording()
    const viewer = RE.subscribe(() => {
      throw new Error("no window")
    })
    const ok = await RE.run(bpp.run({}, bps.null()))
    expect(ok.exitStatus).toBe("success")
    expect(ok.problems.map(e => e.message)).toEqual(["no window", "no window"])
    expect(problems).toEqual(ok.problems)
    viewer.unsubscribe()
    const { RE: other, docs } = recording()
    const full = { name: "event" as const, strict: true }
    other.subscribe(() => Promise.reject(new Error("disk full")), full)
    await expect(other.run(bpp.run({}, bps.triggerAndRead([simDetector("d")])))).rejects.toThrow("disk full")
    expect(ofKind(docs, "stop")[0]).toMatchObject({ exit_status: "fail", reason: "disk full" })
  })

  it("waits for a strict subscriber's promise before the next message", async () => {
    const { RE } = recording()
    const order: string[] = []
    RE.subscribe(
      async (name, _doc) => {
        await new Promise(resolve => setImmediate(resolve))
        order.push(name)
      },
      { strict: true },
    )
    await RE.run(
      bpp.run({}, function* () {
        yield* bps.call(() => void order.push("next"))
      }),
    )
    expect(order).toEqual(["start", "next", "stop"])
  })
})

describe("a monitor's documents", () => {
  const changing = () => {
    let tell: (value: number) => void = () => {}
    const signal = {
      name: "sig",
      read: () => ({ sig: { value: 0, timestamp: 0 } }),
      describe: () => ({ sig: { source: "sim", dtype: "number" as const, shape: [] } }),
      subscribeReadings: (fn: (r: Record<string, { value: number; timestamp: number }>) => void) => {
        tell = value => fn({ sig: { value, timestamp: 0 } })
        return { unsubscribe: () => {}, [Symbol.dispose]: () => {} }
      },
    }
    return { signal, change: (value: number) => tell(value) }
  }

  it("that a strict subscriber still delivers do not make a set wait for its end", async () => {
    const { signal, change } = changing()
    const motor = simMotor("m", { moveTime: 0.05 })
    const { RE } = recording()
    RE.subscribe(() => Promise.resolve(), { strict: true, name: "event" })
    const { value } = await RE.run(
      bpp.run({}, function* () {
        yield* bps.monitor(signal)
        const original = motor.set.bind(motor)
        motor.set = value => {
          change(1)
          return original(value)
        }
        const status = yield* bps.absSet(motor, 1, { group: "g" })
        const { done } = status
        yield* bps.wait("g")
        return done
      }),
    )
    expect(value).toBe(false)
  })

  it("that a strict subscriber refuses fail the plan at its next message", async () => {
    for (const refuse of [() => Promise.reject(new Error("disk full")), () => expect.fail("disk full")]) {
      const { signal, change } = changing()
      const { RE, docs } = recording()
      RE.subscribe(refuse, { strict: true, name: "event" })
      const plan = bpp.run({}, function* () {
        yield* bps.monitor(signal)
        change(1)
        yield* bps.sleep(0.001)
        yield* bps.null()
      })
      await expect(RE.run(plan)).rejects.toThrow("disk full")
      expect(ofKind(docs, "stop")[0]?.exit_status).toBe("fail")
    }
  })
})

describe("clean-up", () => {
  it("stops what moves, removes monitors, collects, unstages and closes runs, in this order, and says what failed", async () => {
    const order: string[] = []
    const motor = simMotor("m", { moveTime: 1000 })
    const stop = motor.stop.bind(motor)
    motor.stop = async () => {
      order.push("stop m")
      return stop()
    }
    const idle = simMotor("idle")
    const signal = {
      ...simDetector("sig"),
      name: "sig",
      read: () => ({ sig: { value: 1, timestamp: 0 } }),
      describe: () => ({ sig: { source: "sim", dtype: "number" as const, shape: [] } }),
      subscribeReadings: () => ({
        unsubscribe: () => order.push("unmonitor"),
        [Symbol.dispose]: () => {},
      }),
    }
    const flyer = {
      name: "fly",
      kickoff: () => Status.finished(),
      complete: () => Status.finished(),
      describeCollect: () => ({ f: { source: "sim", dtype: "number" as const, shape: [] } }),
      *collect() {
        order.push("collect")
        yield { time: 1, data: { f: 1 }, timestamps: { f: 1 } }
      },
    }
    const staged = (name: string) => ({
      name,
      stage: () => [],
      unstage: () => {
        order.push(`unstage ${name}`)
        if (name === "b") throw new Error("stuck")
        return []
      },
    })
    const { RE, docs } = recording({ cleanupTimeout: 5 })
    RE.subscribe((name, _doc) => order.push(name), { name: "stop" })
    const plan = (function* () {
      yield* bps.stageAll([staged("a"), staged("b")])
      yield* bps.openRun()
      yield* bps.monitor(signal as never)
      yield* bps.kickoff(flyer)
      yield* bps.mv(idle, 1)
      yield* bps.absSet(motor, 1, { group: "g" })
      throw new Error("enough")
    })()
    await expect(RE.run(plan)).rejects.toThrow("enough")
    expect(order).toEqual(["stop m", "unmonitor", "collect", "unstage b", "unstage a", "stop"])
    expect(idle.stops).toBe(0)
    expect(RE.lastResult?.problems.map(p => p.message)).toEqual(["unstage b failed: stuck"])
    expect(ofKind(docs, "event_page")).toHaveLength(1)
  })

  it("keeps to why a plan failed when its clean-up fails too", async () => {
    const { RE, docs } = recording()
    const gone = { name: "gone", stage: () => [], unstage: () => Promise.reject(new Error("no connection")) }
    const other = { name: "other", stage: () => [], unstage: vi.fn(() => []) }
    const plan = bpp.stage(
      [other, gone],
      bpp.finalize(
        bpp.run({}, function* () {
          yield* bps.null()
          throw new Error("no light")
        }),
        function* () {
          yield* bps.null()
          throw new Error("shutter stuck")
        },
      ),
    )
    await expect(RE.run(plan)).rejects.toThrow("no light")
    expect(RE.lastResult).toMatchObject({ exitStatus: "fail", reason: "no light" })
    expect(ofKind(docs, "stop")[0]).toMatchObject({ exit_status: "fail", reason: "no light" })
    expect(RE.lastResult?.problems.map(p => p.message)).toEqual([
      "the clean-up failed, too: shutter stuck",
      "the clean-up failed, too: no connection",
    ])
    expect(other.unstage).toHaveBeenCalledTimes(1)
    // A clean-up that fails alone is what the plan fails with.
    await expect(RE.run(bpp.stage([gone], bps.null()))).rejects.toThrow("no connection")
  })

  it("does not wait for ever for a device that never finishes unstaging", async () => {
    const { RE } = recording({ cleanupTimeout: 0.02 })
    const stuck = { name: "stuck", stage: () => [], unstage: () => new Promise(() => {}) }
    const plan = (function* () {
      yield* bps.stage(stuck)
    })()
    const { problems, exitStatus } = await RE.run(plan)
    expect(exitStatus).toBe("success")
    expect(problems.map(p => p.message)).toEqual(["unstage stuck: not done after 0.02 s"])
  })
})

describe("what others throw", () => {
  it("in hooks and in clean-up is reported, and the engine goes on", async () => {
    const oops = (where: string) => () => {
      throw new Error(`${where} oops`)
    }
    const RE = new RunEngine({
      hooks: { state: oops("state"), waiting: oops("waiting"), problem: oops("problem") },
    })
    const stuck = (name: string) => ({
      name,
      read: () => ({ [name]: { value: 1, timestamp: 0 } }),
      describe: () => ({ [name]: { source: "sim", dtype: "number" as const, shape: [] } }),
      subscribeReadings: () => ({ unsubscribe: oops(name), [Symbol.dispose]: () => {} }),
    })
    const stops: unknown[] = []
    RE.subscribe((_name, doc) => stops.push(doc), { name: "stop" })
    const { exitStatus, problems } = await RE.run(
      (function* () {
        yield* bps.openRun()
        yield* bps.monitor(stuck("a"))
        yield* bps.monitor(stuck("b"))
        yield* bps.mv(simMotor("m", { moveTime: 0.001 }), 1)
      })(),
    )
    expect(exitStatus).toBe("success")
    expect(RE.state).toBe("idle")
    expect(stops).toHaveLength(1)
    expect(problems.map(p => p.message)).toEqual(
      expect.arrayContaining(["waiting oops", "problem oops", "a oops"]),
    )
    expect((await RE.run(bps.null())).exitStatus).toBe("success")
  })

  it("in a msg hook reaches the plan", async () => {
    const RE = new RunEngine({
      hooks: {
        msg: () => {
          throw new Error("no screen")
        },
      },
    })
    await expect(RE.run(bps.null())).rejects.toThrow("no screen")
  })
})

describe("development mode", () => {
  const forgetful = (motor: ReturnType<typeof simMotor>) =>
    (function* () {
      bps.mv(motor, 1)
      yield* bps.checkpoint()
      // Made here and run later, which is well.
      const later = bps.mv(motor, 2)
      yield* bpp.run({}, bps.triggerAndRead([motor]))
      yield* later
      bpp.finalize(bps.null(), () => bps.null())
    })()

  it("reports what was made and never run, and where", async () => {
    const RE = new RunEngine({ development: true })
    const motor = simMotor("m")
    const { problems, exitStatus } = await RE.run(forgetful(motor))
    expect(exitStatus).toBe("success")
    expect(problems.map(p => p.message)).toEqual([
      "bps.mv() was called at the beginning of the plan and never run: is a yield* missing?",
      'bps.null() was called after the message "wait" and never run: is a yield* missing?',
      'bpp.finalize() was called after the message "wait" and never run: is a yield* missing?',
    ])
    expect(motor.moves).toEqual([2])
  })

  it("is off unless asked for", async () => {
    expect((await new RunEngine().run(forgetful(simMotor("m")))).problems).toEqual([])
  })
})

describe("fairness", () => {
  it("lets a 10 ms timer fire at most 20 ms late during a million instantly resolved messages", async () => {
    const RE = new RunEngine()
    const late: number[] = []
    let going = true
    const arm = (began: number) =>
      setTimeout(() => {
        late.push(performance.now() - began - 10)
        if (going) arm(performance.now())
      }, 10)
    arm(performance.now())
    await RE.run(
      (function* () {
        for (let i = 0; i < 1_000_000; i++) yield* bps.null()
      })(),
    )
    going = false
    // The median, because the machine may have other things to do as well.
    expect(late.sort((a, b) => a - b)[Math.floor(late.length / 2)]).toBeLessThan(20)
  })

  it("lets a pause request through while a plan never waits", async () => {
    const RE = new RunEngine()
    let seen = 0
    const ended = RE.run(
      (function* () {
        for (;;) {
          yield* bps.checkpoint()
          seen++
        }
      })(),
    )
    await new Promise(resolve => setTimeout(resolve, 2))
    expect(await RE.requestPause()).toBe("paused")
    expect(seen).toBeGreaterThan(0)
    await RE.abort()
    expect((await ended).exitStatus).toBe("abort")
  })
})
