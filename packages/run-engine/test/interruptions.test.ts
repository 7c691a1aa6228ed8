import { Status } from "@ophyd-ts/core"
import { describe, expect, it } from "vitest"
import {
  bp,
  bpp,
  bps,
  type Msg,
  NoReplayAllowed,
  type Plan,
  PlanEnded,
  RunEngine,
  TransitionError,
} from "../src/index.ts"
import { simDetector, simMotor } from "../src/testing/index.ts"
import { brief, deferred, names, ofKind, recording } from "./support/recording.ts"

/** Asks for something when the nth message that looks so comes. */
function at(text: string, nth: number, ask: () => void): (message: Msg) => void {
  let seen = 0
  return message => {
    if (brief(message) === text && ++seen === nth) queueMicrotask(ask)
  }
}

describe("pause", () => {
  it("waits for a checkpoint when deferred", async () => {
    const motor = simMotor("m", { moveTime: 0.01 })
    const { RE, log } = recording()
    const ended = RE.run(
      (function* () {
        yield* bps.checkpoint()
        yield* bps.mv(motor, 1)
        yield* bps.null()
        yield* bps.checkpoint()
        yield* bps.mv(motor, 2)
      })(),
    )
    expect(await RE.requestPause()).toBe("paused")
    expect(log).toEqual(["checkpoint", "set m 1", "wait", "null", "checkpoint"])
    expect(motor.stops).toBe(0)
    await RE.resume()
    expect((await ended).exitStatus).toBe("success")
    expect(motor.moves).toEqual([1, 2])
  })

  it("comes at once when hard: motors are stopped, and a resume moves again", async () => {
    const motor = simMotor("m", { moveTime: 0.1 })
    const { RE, log, states } = recording()
    const ended = RE.run(
      (function* () {
        yield* bps.checkpoint()
        yield* bps.mv(motor, 1)
        return motor.position
      })(),
    )
    await expect.poll(() => log.at(-1)).toBe("wait")
    expect(await RE.requestPause({ defer: false })).toBe("paused")
    expect(motor.stops).toBe(1)
    expect(motor.position).toBe(0)
    await RE.resume()
    expect((await ended).value).toBe(1)
    expect(log).toEqual(["checkpoint", "set m 1", "wait", "set m 1", "wait"])
    expect(states).toEqual(["running", "pausing", "paused", "running", "idle"])
  })

  it("measures the point again after a resume: sequence numbers 1, 2, 2, 3, and three are counted", async () => {
    const motor = simMotor("m")
    const det = simDetector("d")
    // After the second event and before the next checkpoint.
    const { RE, docs } = recording({
      hooks: { msg: at("null", 2, () => void RE.requestPause({ defer: false })) },
    })
    const perStep: Parameters<typeof bp.scan>[5] = {
      perStep: function* (detectors, step, positions) {
        yield* bps.oneNdStep(detectors, step, positions)
        yield* bps.null()
        yield* bps.sleep(0.005)
      },
    }
    const ended = RE.run(bp.scan([det], motor, 1, 3, 3, perStep))
    await expect.poll(() => RE.state).toBe("paused")
    await RE.resume()
    await ended
    expect(ofKind(docs, "event").map(e => [e.seq_num, e.data["m"]])).toEqual([
      [1, 1],
      [2, 2],
      [2, 2],
      [3, 3],
    ])
    expect(ofKind(docs, "stop")[0]?.num_events).toEqual({ primary: 3 })
    expect(motor.moves).toEqual([1, 2, 2, 3])
  })

  it("aborts after clear_checkpoint, and says why", async () => {
    const { RE, docs } = recording()
    const ended = RE.run(
      bpp.run({}, function* () {
        yield* bps.clearCheckpoint()
        yield* bps.sleep(1000)
      }),
    )
    await expect.poll(() => names(docs)).toEqual(["start"])
    expect(await RE.requestPause({ defer: false })).toBe("idle")
    expect(await ended).toMatchObject({ exitStatus: "abort", interrupted: true })
    expect(ofKind(docs, "stop")[0]).toMatchObject({
      exit_status: "abort",
      reason: expect.stringContaining("clear_checkpoint"),
    })
  })

  it("gives the plan the result of the repeated message, not that of the one that was cut short", async () => {
    let reads = 0
    const gate = deferred()
    const slow = {
      name: "slow",
      read: async () => {
        reads++
        if (reads === 1) await gate.promise
        return { slow: { value: reads, timestamp: 0 } }
      },
      describe: () => ({ slow: { source: "sim", dtype: "integer" as const, shape: [] } }),
    }
    const RE = new RunEngine()
    const ended = RE.run(bps.rd(slow))
    await expect.poll(() => reads).toBe(1)
    await RE.requestPause({ defer: false })
    const resumed = RE.resume()
    gate.resolve()
    await resumed
    expect((await ended).value).toBe(2)
  })

  it("lets a call finish and never repeats it", async () => {
    const gate = deferred<string>()
    let calls = 0
    const RE = new RunEngine()
    const ended = RE.run(
      (function* () {
        yield* bps.checkpoint()
        return yield* bps.call(() => {
          calls++
          return gate.promise
        })
      })(),
    )
    await expect.poll(() => calls).toBe(1)
    const paused = RE.requestPause({ defer: false })
    expect(RE.state).toBe("pausing")
    gate.resolve("started")
    expect(await paused).toBe("paused")
    await RE.resume()
    expect(await ended).toMatchObject({ value: "started" })
    expect(calls).toBe(1)
  })

  it("tells objects that can pause, and does not replay when one forbids it", async () => {
    const events: string[] = []
    const det = Object.assign(simDetector("d"), {
      pause: () => {
        events.push("pause")
        throw new NoReplayAllowed()
      },
      resume: () => void events.push("resume"),
    })
    const { RE, log } = recording()
    const ended = RE.run(
      (function* () {
        yield* bps.checkpoint()
        yield* bps.trigger(det, { group: "t" })
        yield* bps.sleep(0.1)
        yield* bps.null()
      })(),
    )
    await expect.poll(() => log.at(-1)).toBe("sleep")
    await RE.requestPause({ defer: false })
    await RE.resume()
    await ended
    expect(events).toEqual(["pause", "resume"])
    expect(det.triggers).toBe(1)
    expect(log).toEqual(["checkpoint", "trigger d", "sleep", "sleep", "null"])
  })

  it("begins nothing again that still goes on: an exposure is repeated when the first one is over", async () => {
    const gates: ReturnType<typeof deferred<void>>[] = []
    const detector = {
      ...simDetector("d"),
      name: "d",
      trigger: () => {
        const gate = deferred()
        gates.push(gate)
        return Status.run({ name: "d", action: "trigger" }, () => gate.promise)
      },
      read: () => ({ d: { value: gates.length, timestamp: 0 } }),
      describe: () => ({ d: { source: "sim", dtype: "integer" as const, shape: [] } }),
    }
    const { RE, docs, log } = recording()
    const ended = RE.run(bp.count([detector]))
    await expect.poll(() => gates.length).toBe(1)
    await RE.requestPause({ defer: false })
    void RE.resume()
    await expect.poll(() => log.at(-1)).toBe("wait_for")
    expect(gates).toHaveLength(1)
    gates[0]?.reject(new Error("its end no longer matters"))
    await expect.poll(() => gates.length).toBe(2)
    gates[1]?.resolve()
    await ended
    expect(ofKind(docs, "event").map(({ data }) => data["d"])).toEqual([2])
  })

  it("keeps to what had failed before it and before the checkpoint: the plan hears of it after the resume", async () => {
    const motor = simMotor("m", { moveTime: 1000 })
    const { RE, log } = recording()
    const ended = RE.run(
      (function* () {
        const moving = yield* bps.absSet(motor, 1, { group: "g" })
        yield* bps.checkpoint()
        moving.cancel(new Error("air pressure lost"))
        yield* bps.sleep(1000)
      })(),
    )
    const failed = expect(ended).rejects.toThrow("air pressure lost")
    await expect.poll(() => log.at(-1)).toBe("sleep")
    await RE.requestPause({ defer: false })
    void RE.resume().catch(() => {})
    await failed
  })

  it("does not measure a non-rewindable detector again", async () => {
    const gate = deferred()
    let triggers = 0
    const det = Object.assign(simDetector("d"), {
      rewindable: false,
      trigger: () => {
        triggers++
        return Status.run({ name: "d", action: "trigger" }, () => gate.promise)
      },
    })
    const { RE, docs } = recording()
    const ended = RE.run(bp.count([det]))
    await expect.poll(() => triggers).toBe(1)
    await RE.requestPause({ defer: false })
    gate.resolve()
    await RE.resume()
    await ended
    expect(triggers).toBe(1)
    expect(ofKind(docs, "event")).toHaveLength(1)
  })

  it("silences monitors during a pause", async () => {
    const det = simDetector("d")
    const { RE, docs } = recording()
    const ended = RE.run(
      bpp.run({}, function* () {
        yield* bps.monitor(det.exposure)
        yield* bps.sleep(0.01)
        yield* bps.pause()
        yield* bps.null()
      }),
    )
    await expect.poll(() => RE.state).toBe("paused")
    const before = ofKind(docs, "event").length
    await det.exposure.set(0.5)
    expect(ofKind(docs, "event")).toHaveLength(before)
    await RE.resume()
    await ended
    expect(ofKind(docs, "event").map(e => e.data["d_exposure"])).toEqual([0, 0.5])
  })
})

describe("ends", () => {
  const trip = function* (home: ReturnType<typeof simMotor>, did: string[]): Plan {
    try {
      yield* bps.checkpoint()
      yield* bps.sleep(1000)
      did.push("went on")
    } catch (error) {
      if (error instanceof PlanEnded) throw error
      did.push(`caught ${error}`)
    } finally {
      yield* bps.mv(home, 9)
      did.push("finally")
    }
    did.push("swallowed")
  }

  it.each([
    ["stop", "success"],
    ["abort", "abort"],
  ] as const)("%s ends with %s; finalisers run and may move", async (verb, exitStatus) => {
    const motor = simMotor("home", { moveTime: 0.005 })
    const did: string[] = []
    const { RE, docs, log, states } = recording()
    const ended = RE.run(bpp.run({}, trip(motor, did)))
    await expect.poll(() => log.at(-1)).toBe("sleep")
    const result = await RE[verb]("lunch")
    expect(result).toBe(await ended)
    expect(result).toMatchObject({
      exitStatus,
      interrupted: true,
      reason: "lunch",
      value: undefined,
      error: null,
    })
    expect(did).toEqual(["finally"])
    expect(motor.position).toBe(9)
    expect(ofKind(docs, "stop")[0]).toMatchObject({ exit_status: exitStatus, reason: "lunch" })
    expect(states.at(-1)).toBe("idle")
  })

  it.each([
    ["sleeps", () => bps.sleep(1000)],
    ["scans", () => bp.scan([simDetector("d")], simMotor("m", { moveTime: 0.001 }), 0, 1, 1000)],
    ["moves", () => bps.mv(simMotor("m", { moveTime: 0 }), 1)],
    [
      "measures in clean-up",
      () =>
        bpp.run(
          {},
          bpp.finalize(bps.sleep(1000), () => bps.null()),
        ),
    ],
  ])("a loop that catches everything and %s cannot outlive a stop", async (_, work) => {
    const { RE } = recording()
    const ended = RE.run(
      (function* () {
        for (;;) {
          try {
            yield* work()
          } catch {
            // try again
          }
        }
      })(),
    )
    await RE.stop()
    expect(await ended).toMatchObject({ exitStatus: "success", interrupted: true, error: null })
    expect((await ended).problems.map(String)).toEqual([
      'CleanupError: the plan caught "the plan was stopped" and went on: it was dropped',
    ])
  })

  it("ends the outer plans too when an inner one has clean-up to do", async () => {
    const motor = simMotor("home")
    const { RE, docs } = recording()
    const did: string[] = []
    const ended = RE.run(
      (function* () {
        const uid = yield* bpp.subs(() => {}, bp.count([simDetector("d")], 1000, { delay: 1 }))
        did.push(`went on with ${uid}`)
        yield* bps.mv(motor, 5)
        yield* bp.count([simDetector("d")])
      })(),
    )
    await expect.poll(() => names(docs)).toContain("event")
    await RE.abort("beam is gone")
    expect(await ended).toMatchObject({ exitStatus: "abort", value: undefined, error: null, problems: [] })
    expect(did).toEqual([])
    expect(motor.moves).toEqual([])
    expect(names(docs).filter(n => n === "start" || n === "stop")).toEqual(["start", "stop"])
    expect(ofKind(docs, "stop")[0]).toMatchObject({ exit_status: "abort", reason: "beam is gone" })
  })

  it("is no error to a contingency plan", async () => {
    const did: string[] = []
    const note = (what: string) => () => bps.call(() => did.push(what)) as Plan<never>
    const { RE } = recording()
    const ended = RE.run(
      bpp.contingency(bps.sleep(1000), { except: note("except"), else: note("else"), final: note("final") }),
    )
    await RE.stop()
    expect((await ended).error).toBeNull()
    expect(did).toEqual(["final"])
  })

  it("halt runs nothing of the plan, and the engine still cleans up", async () => {
    const motor = simMotor("home")
    const did: string[] = []
    const { RE, docs } = recording()
    const ended = RE.run(bpp.run({}, trip(motor, did)))
    await expect.poll(() => names(docs)).toEqual(["start"])
    await RE.halt()
    expect(await ended).toMatchObject({ exitStatus: "abort", interrupted: true })
    expect(did).toEqual([])
    expect(motor.moves).toEqual([])
    expect(names(docs)).toEqual(["start", "stop"])
  })

  it("ends a paused plan too", async () => {
    const did: string[] = []
    const { RE } = recording()
    const ended = RE.run(trip(simMotor("home"), did))
    await RE.requestPause({ defer: false })
    await RE.abort()
    expect((await ended).exitStatus).toBe("abort")
    expect(did).toEqual(["finally"])
  })

  it("lets clean-up that is under way come to its end first", async () => {
    const motor = simMotor("m", { moveTime: 0.1 })
    const did: string[] = []
    const { RE, log } = recording()
    const ended = RE.run(
      (function* () {
        yield* bpp.finalize(bps.null(), () => bps.mv(motor, 5))
        did.push("went on")
        yield* bps.sleep(1000)
        did.push("ended by itself")
      })(),
    )
    await expect.poll(() => log.at(-1)).toBe("wait")
    await RE.abort()
    expect((await ended).exitStatus).toBe("abort")
    expect([motor.position, motor.stops]).toEqual([5, 0])
    expect(did).toEqual(["went on"])
    expect(log).toEqual(["null", "set m 5", "wait"])
  })

  it("cuts a wait of clean-up short that may be, and nothing of the clean-up around it", async () => {
    const motor = simMotor("m", { moveTime: 0.05 })
    const did: string[] = []
    const { RE, docs, log } = recording()
    function* cleanUp(): Plan<void> {
      let ended: unknown = null
      try {
        yield* bpp.interruptible(bps.waitFor([() => new Promise(() => {})]))
      } catch (error) {
        did.push(`cut short: ${(error as Error).message}`)
        ended = error
      }
      yield* bps.mv(motor, 5)
      did.push("at its end")
      throw ended
    }
    const ended = RE.run(
      (function* () {
        yield* bpp.run({}, bpp.finalize(bps.null(), cleanUp))
        did.push("went on")
      })(),
    )
    await expect.poll(() => log.at(-1)).toBe("wait_for")
    await RE.abort("enough")
    expect(await ended).toMatchObject({ exitStatus: "abort", problems: [] })
    expect([did, motor.position]).toEqual([["cut short: the plan was aborted: enough", "at its end"], 5])
    expect(ofKind(docs, "stop")[0]).toMatchObject({ exit_status: "abort", reason: "enough" })
  })

  it("a second stop or abort while finalisers run decides how the run ends and cuts nothing short; halt does", async () => {
    for (const second of ["abort", "halt"] as const) {
      const did: string[] = []
      const gate = deferred()
      const { RE, docs, states } = recording()
      const ended = RE.run(
        bpp.run({}, function* () {
          try {
            yield* bps.sleep(1000)
          } finally {
            did.push("begin")
            yield* bps.waitFor([() => gate.promise])
            did.push("end")
          }
        }),
      )
      await expect.poll(() => names(docs)).toEqual(["start"])
      const stopped = RE.stop()
      await expect.poll(() => did).toEqual(["begin"])
      await expect(async () => RE.requestPause()).rejects.toThrow(TransitionError)
      void RE[second]("really")
      gate.resolve()
      await stopped
      expect((await ended).exitStatus).toBe("abort")
      expect(did).toEqual(second === "abort" ? ["begin", "end"] : ["begin"])
      expect(ofKind(docs, "stop")[0]).toMatchObject({ exit_status: "abort", reason: "really" })
      expect(states).toContain(second === "abort" ? "aborting" : "halting")
    }
  })

  it("says so when a finaliser fails", async () => {
    const { RE, docs } = recording()
    const ended = RE.run(
      bpp.run(
        {},
        bpp.finalize(bps.sleep(1000), function* (): Plan<void> {
          yield* bps.null()
          throw new Error("valve stuck")
        }),
      ),
    )
    const failed = expect(ended).rejects.toThrow("valve stuck")
    await expect.poll(() => names(docs)).toEqual(["start"])
    expect(await RE.stop()).toMatchObject({ exitStatus: "fail", interrupted: true })
    await failed
    expect(ofKind(docs, "stop")[0]?.exit_status).toBe("fail")
  })

  it("refuses requests that the state does not allow", async () => {
    const RE = new RunEngine()
    for (const verb of ["resume", "stop", "abort", "halt"] as const)
      await expect(RE[verb]()).rejects.toThrow(TransitionError)
    await expect(async () => RE.requestPause()).rejects.toThrow(TransitionError)
    expect(RE.state).toBe("idle")
  })
})

describe("a small scan interrupted at every message", () => {
  const make = () => {
    const motor = simMotor("m", { moveTime: 0.0005 })
    const det = simDetector("d")
    return { motor, det, plan: bp.relScan([det], motor, -1, 1, 3) }
  }
  const wholeLog = async () => {
    const { RE, log } = recording()
    await RE.run(make().plan)
    return log.length
  }
  type Verb = "pause" | "defer" | "stop" | "abort" | "halt"

  it.each<Verb>(["pause", "defer", "stop", "abort", "halt"])(
    "%s leaves good documents and a motor at its place",
    async verb => {
      const length = await wholeLog()
      for (let position = 1; position <= length; position++) {
        const { motor, plan } = make()
        let count = 0
        const request = () => {
          if (verb === "pause" || verb === "defer") void RE.requestPause({ defer: verb === "defer" })
          else void RE[verb]()
        }
        const { RE, docs, log, problems, states } = recording({
          hooks: {
            msg: () => {
              if (++count === position) request()
            },
            state: now => {
              if (now === "paused") queueMicrotask(() => void RE.resume())
            },
          },
        })
        const result = await RE.run(plan)
        const where = `${verb} at message ${position} (${log[position - 1]})`
        expect(problems, where).toEqual([])
        expect(states.at(-1), where).toBe("idle")
        const kinds = names(docs)
        if (kinds.length > 0) {
          expect(kinds[0], where).toBe("start")
          expect(
            kinds.filter(k => k === "stop"),
            where,
          ).toHaveLength(1)
          expect(kinds.at(-1), where).toBe("stop")
        }
        if (verb === "pause" || verb === "defer") {
          expect(result.exitStatus, where).toBe("success")
          const last = new Map(ofKind(docs, "event").map(e => [e.seq_num, e.data["m"]]))
          expect([...last], where).toEqual([
            [1, -1],
            [2, 0],
            [3, 1],
          ])
          expect(ofKind(docs, "stop")[0]?.num_events, where).toEqual({ primary: 3 })
        } else {
          expect(result.exitStatus, where).toBe(verb === "stop" ? "success" : "abort")
          const closedBefore = log.slice(0, position).includes("close_run") ? "success" : result.exitStatus
          for (const stop of ofKind(docs, "stop"))
            expect([closedBefore, result.exitStatus]).toContain(stop.exit_status)
        }
        if (verb !== "halt") expect(motor.position, where).toBe(0)
      }
    },
  )
})
