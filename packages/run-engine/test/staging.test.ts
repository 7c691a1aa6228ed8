import { DeviceErrors, Status, StatusCancelledError } from "@ophyd-ts/core"
import { describe, expect, it } from "vitest"
import { bp, bpp, bps, msg, type Plan } from "../src/index.ts"
import { simDetector } from "../src/testing/index.ts"
import { deferred, recording } from "./support/recording.ts"

/** Devices whose staging takes as long as the test says, and what happened to them. */
function devices(...names: string[]) {
  const order: string[] = []
  const all = names.map(name => {
    const [staging, unstaging] = [deferred(), deferred()]
    return {
      name,
      staging,
      unstaging,
      stage: async () => {
        order.push(`stage ${name}`)
        await staging.promise
        order.push(`${name} staged`)
        return [name]
      },
      unstage: async () => {
        order.push(`unstage ${name}`)
        await unstaging.promise
        order.push(`${name} unstaged`)
        return [name]
      },
    }
  })
  return { order, all }
}

const begun = (order: string[], what: string) => expect.poll(() => order).toContain(what)

describe("devices whose staging takes time", () => {
  it("are staged at the same time, and unstaged at the same time in the opposite order", async () => {
    const { order, all } = devices("a", "b")
    const [a, b] = [all[0]!, all[1]!]
    const { RE, log } = recording()
    const ended = RE.run(
      bpp.stage(
        all,
        bps.call(() => order.push("work")),
      ),
    )
    await begun(order, "stage b")
    b.staging.resolve()
    a.staging.resolve()
    await begun(order, "unstage a")
    a.unstaging.resolve()
    b.unstaging.resolve()
    await ended
    expect(order).toEqual([
      ...["stage a", "stage b", "b staged", "a staged", "work"],
      ...["unstage b", "unstage a", "a unstaged", "b unstaged"],
    ])
    expect(log).toEqual(["stage a", "stage b", "wait", "call", "unstage b", "unstage a", "wait"])
  })

  it("give the plan the devices concerned, in order", async () => {
    const { all } = devices("a", "b")
    for (const { staging, unstaging } of all) for (const gate of [staging, unstaging]) gate.resolve()
    const sync = { name: "c", stage: () => ["c"], unstage: () => ["c"] }
    const { RE } = recording()
    const { value } = await RE.run(
      (function* () {
        return [
          yield* bps.stageAll([...all, sync]),
          yield* bps.stage(sync),
          yield* bps.unstageAll([...all, sync]),
        ]
      })(),
    )
    expect(value).toEqual([[["a"], ["b"], ["c"]], ["c"], [["c"], ["b"], ["a"]]])
  })

  it("wait for the plan when it files them under a group of its own", async () => {
    const { order, all } = devices("a")
    const { RE } = recording()
    const ended = RE.run(
      (function* () {
        const status = yield* bps.stage(all[0]!, { group: "g" })
        order.push("meanwhile")
        all[0]!.staging.resolve()
        all[0]!.unstaging.resolve()
        yield* bps.wait("g")
        return status instanceof Status && status.value
      })(),
    )
    expect((await ended).value).toEqual(["a"])
    expect(order.slice(0, 3)).toEqual(["stage a", "meanwhile", "a staged"])
  })

  it("are waited for by the message itself when it has no group", async () => {
    const { order, all } = devices("a")
    all[0]!.staging.resolve()
    all[0]!.unstaging.resolve()
    const { RE } = recording()
    function* plan(): Plan {
      yield msg("stage", all[0]!)
      order.push("work")
    }
    await RE.run(plan())
    expect(order.slice(0, 3)).toEqual(["stage a", "a staged", "work"])
  })
})

describe("when staging fails", () => {
  it("the others come to their end, all are unstaged, and the plan hears of each failure", async () => {
    const { order, all } = devices("a", "b", "c")
    const [a, b, c] = [all[0]!, all[1]!, all[2]!]
    for (const { unstaging } of all) unstaging.resolve()
    const { RE } = recording()
    const ended = RE.run(bpp.stage(all, bps.null())).catch(e => e)
    await begun(order, "stage c")
    a.staging.reject(new Error("a has no disk"))
    await new Promise(resolve => setImmediate(resolve))
    expect(order).not.toContain("unstage a")
    c.staging.reject(new Error("c is off"))
    b.staging.resolve()
    const error = await ended
    expect(error).toBeInstanceOf(DeviceErrors)
    expect(error.message).toBe("a, c: stage: a has no disk; c is off")
    expect(order.filter(what => what.startsWith("unstage"))).toEqual(["unstage c", "unstage b", "unstage a"])
    expect(order.indexOf("b staged")).toBeLessThan(order.indexOf("unstage b"))
    expect(RE.lastResult?.problems).toEqual([])
  })

  it("of one device the plan fails with the device's own error", async () => {
    const own = new TypeError("no disk")
    const a = { name: "a", stage: () => Promise.reject(own), unstage: () => [] }
    const { RE } = recording()
    await expect(RE.run(bpp.stage([a], bps.null()))).rejects.toBe(own)
  })

  it("so does one that fails to be unstaged, also because something of it was cancelled", async () => {
    const own = new Error("a: the camera could not be stopped", {
      cause: new StatusCancelledError("a_acquire was cancelled"),
    })
    // After so long the event loop has its turn, and the unstaging has failed before the plan waits for it.
    const unstage = () => {
      for (const end = performance.now() + 3; performance.now() < end; );
      return Promise.reject(own)
    }
    const { RE } = recording({ busyBudget: 1 })
    const a = { name: "a", stage: () => [], unstage }
    await expect(RE.run(bpp.stage([a], bps.null()))).rejects.toBe(own)
  })

  it("before or during a pause the plan hears of it after the resume", async () => {
    for (const when of ["before", "during"] as const) {
      const { order, all } = devices("a", "b")
      const [a, b] = [all[0]!, all[1]!]
      for (const { unstaging } of all) unstaging.resolve()
      const { RE } = recording()
      const ended = RE.run(bpp.stage(all, bps.null())).catch(e => e)
      await begun(order, "stage b")
      if (when === "before") a.staging.reject(new Error("no disk"))
      await new Promise(resolve => setImmediate(resolve))
      await RE.requestPause({ defer: false })
      if (when === "during") a.staging.reject(new Error("no disk"))
      b.staging.resolve()
      void RE.resume().catch(() => {})
      expect((await ended).message, when).toBe("no disk")
      expect(order.slice(-2).sort(), when).toEqual(["a unstaged", "b unstaged"])
    }
  })
})

describe("a plan that is ended while a device is being staged", () => {
  it.each(["stop", "abort", "halt"] as const)("by %s unstages it when its staging is over", async verb => {
    const { order, all } = devices("a")
    all[0]!.unstaging.resolve()
    const { RE } = recording()
    const ended = RE.run(bpp.stage(all, bp.count([simDetector("d")])))
    await begun(order, "stage a")
    void RE[verb]()
    await new Promise(resolve => setImmediate(resolve))
    expect(order).toEqual(["stage a"])
    all[0]!.staging.resolve()
    expect((await ended).problems).toEqual([])
    expect(order).toEqual(["stage a", "a staged", "unstage a", "a unstaged"])
  })

  it("by halt while it is being unstaged waits for that", async () => {
    const { order, all } = devices("a")
    all[0]!.staging.resolve()
    const { RE } = recording()
    const ended = RE.run(bpp.stage(all, bps.null()))
    await begun(order, "unstage a")
    void RE.halt()
    await new Promise(resolve => setImmediate(resolve))
    expect(RE.state).toBe("halting")
    all[0]!.unstaging.resolve()
    await ended
    expect(order.slice(0, 4)).toEqual(["stage a", "a staged", "unstage a", "a unstaged"])
  })
})
