import { TestClock } from "@ophyd-ts/core/testing"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Outbox } from "../src/delivery/outbox.ts"
import { persist } from "../src/delivery/persist.ts"
import { Reporter } from "../src/delivery/report.ts"
import { RunsByDocument } from "../src/delivery/runs.ts"
import { documentSize } from "../src/delivery/size.ts"
import { ExchangeError } from "../src/index.ts"

/** An outbox whose deliveries the test lets through or refuses. */
function held(capacity = 100, bytes = Number.POSITIVE_INFINITY) {
  const clock = new TestClock()
  const taken: number[] = []
  const failed: [string, number][] = []
  let settle: { resolve: () => void; reject: (error: Error) => void } | null = null
  const outbox = new Outbox<number>({
    capacity,
    bytes,
    sizeOf: item => item,
    clock,
    deliver: (item, signal) =>
      new Promise<void>((resolve, reject) => {
        taken.push(item)
        settle = { resolve, reject }
        signal.addEventListener("abort", () => reject(signal.reason as Error))
      }),
    failed: (error, item) => failed.push([error.message, item]),
  })
  const next = async (error?: Error) => {
    await expect.poll(() => settle).not.toBeNull()
    const { resolve, reject } = settle!
    settle = null
    if (error === undefined) resolve()
    else reject(error)
  }
  return { outbox, clock, taken, failed, next }
}

describe("an outbox", () => {
  it("delivers everything in order, whatever the pauses, and counts it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 40 }), async waits => {
        const seen: number[] = []
        const outbox = new Outbox<number>({
          capacity: 1000,
          bytes: Number.POSITIVE_INFINITY,
          sizeOf: () => 1,
          clock: new TestClock(),
          deliver: async item => {
            if (item % 3 === 0) await new Promise(setImmediate)
            seen.push(item)
          },
          failed: () => {},
        })
        for (const [i, wait] of waits.entries()) {
          expect(outbox.push(i)).toBe(true)
          if (wait) await new Promise(setImmediate)
        }
        await outbox.idle(1)
        expect(seen).toEqual(waits.map((_, i) => i))
        expect(outbox.delivered).toBe(waits.length)
        expect(outbox.pending).toBe(0)
      }),
      { numRuns: 30 },
    )
  })

  it("returns before anything is delivered, takes no more than its bound, and says what it could not deliver", async () => {
    const { outbox, taken, failed, next } = held(2)
    expect([outbox.push(1), outbox.push(2), outbox.push(3)]).toEqual([true, true, false])
    expect(taken).toEqual([])
    await next(new Error("no"))
    await next()
    await outbox.idle(1)
    expect(taken).toEqual([1, 2])
    expect(failed).toEqual([["no", 1]])
    expect(outbox.push(4)).toBe(true)
  })

  it("takes no more bytes than its bound, except where nothing else waits", async () => {
    const { outbox, next, taken } = held(10, 100)
    expect([outbox.push(500), outbox.push(60), outbox.push(1)]).toEqual([true, false, false])
    await expect.poll(() => taken).toEqual([500])
    expect([outbox.push(60), outbox.push(50), outbox.push(40), outbox.push(1)]).toEqual([
      true,
      false,
      true,
      false,
    ])
    for (let i = 0; i < 3; i++) await next()
    await outbox.idle(1)
    expect(taken).toEqual([500, 60, 40])
  })

  it("tells the one who waits for an item, and nobody else", async () => {
    const { outbox, failed, next } = held(1)
    const first = outbox.send(1)
    await next(new Error("refused"))
    await expect(first).rejects.toThrow("refused")
    expect(failed).toEqual([])
    const second = outbox.send(2)
    await expect.poll(() => outbox.pending).toBe(1)
    outbox.push(3)
    await expect(outbox.send(4)).rejects.toMatchObject({ code: "OVERFLOW" })
    await next()
    await second
  })

  it("gives up waiting after the time allowed, and ends what is under way when it is closed", async () => {
    const { outbox, clock, taken } = held()
    outbox.push(1)
    outbox.push(2)
    const waiting = outbox.send(3)
    await expect.poll(() => taken).toEqual([1])
    const idle = outbox.idle(5)
    clock.advance(5)
    await expect(idle).rejects.toMatchObject({ code: "TIMEOUT", message: "3 items still wait after 5 s" })
    expect(outbox.close()).toEqual([2, 3])
    await expect(waiting).rejects.toMatchObject({ code: "CLOSED" })
    expect(outbox.push(4)).toBe(false)
    await expect(outbox.send(5)).rejects.toMatchObject({ code: "CLOSED" })
    await expect.poll(() => outbox.pending).toBe(0)
  })

  it("has a bound of at least one", () => {
    expect(() => held(0)).toThrow(ExchangeError)
  })
})

describe("trying again", () => {
  const away = () => new ExchangeError("UNREACHABLE", "away")

  /** Lets the clock run whenever a delay is waited for. */
  async function tries(results: (Error | null)[], patience: number) {
    const clock = new TestClock()
    const at: number[] = []
    const start = clock.now()
    let settled = false
    const promise = persist(
      async n => {
        at.push(clock.now() - start)
        const result = results[n - 1]
        if (result instanceof Error) throw result
        return n
      },
      {
        backOff: { first: 1, longest: 4 },
        clock,
        signal: new AbortController().signal,
        patience,
        retrying: () => {},
      },
    ).finally(() => {
      settled = true
    })
    promise.catch(() => {})
    while (!settled) {
      await new Promise(setImmediate)
      clock.advance(0.5)
    }
    return { at, promise }
  }

  it("waits longer each time, up to the longest, until it works", async () => {
    const { at, promise } = await tries([away(), away(), away(), away(), null], Number.POSITIVE_INFINITY)
    expect(await promise).toBe(5)
    const gaps = at.slice(1).map((t, i) => t - at[i]!)
    for (const [i, least] of [1, 2, 4, 4].entries()) {
      expect(gaps[i]).toBeGreaterThanOrEqual(least)
      expect(gaps[i]).toBeLessThanOrEqual(least + 1)
    }
  })

  it("ends with the last error when the patience would be exceeded", async () => {
    const { at, promise } = await tries([away(), away(), away()], 2.9)
    await expect(promise).rejects.toThrow("away")
    expect(at).toHaveLength(2)
  })

  it("is not done for what would fail again", async () => {
    for (const error of [new ExchangeError("REFUSED", "no"), new Error("defect")]) {
      const { at, promise } = await tries([error], Number.POSITIVE_INFINITY)
      await expect(promise).rejects.toBe(error)
      expect(at).toHaveLength(1)
    }
  })

  it("ends at once with the signal's reason, in the middle of a delay too", async () => {
    const control = new AbortController()
    const clock = new TestClock()
    const promise = persist(async () => Promise.reject(away()), {
      backOff: {},
      clock,
      signal: control.signal,
      patience: Number.POSITIVE_INFINITY,
      retrying: () => control.abort(new ExchangeError("CLOSED", "closed")),
    })
    await expect(promise).rejects.toMatchObject({ code: "CLOSED" })
  })
})

describe("reports", () => {
  it("name an outage once, its end, and each loss", () => {
    const seen: string[] = []
    const reporter = new Reporter(r => seen.push(r.kind))
    const error = new ExchangeError("UNREACHABLE", "away")
    reporter.retrying(error)
    reporter.retrying(error)
    expect(reporter.away).toBe(error)
    reporter.arrived()
    reporter.arrived()
    reporter.lost("r", error, null)
    expect(seen).toEqual(["away", "back", "lost"])
    expect(() => reporter.complain()).not.toThrow()
  })

  it("wait for the engine to hear of them where nobody listens", () => {
    const reporter = new Reporter(undefined)
    reporter.retrying(new ExchangeError("UNREACHABLE", "away"))
    expect(() => reporter.complain()).toThrow("away")
    expect(() => reporter.complain()).not.toThrow()
  })
})

it("the size of a document is about that of its arrays and texts", () => {
  const size = (data: object) => documentSize("event", { data } as never)
  expect(size({ a: 1 })).toBeLessThan(2000)
  expect(size({ image: new Uint16Array(1e6) })).toBeCloseTo(2e6, -4)
  expect(size({ nested: Array(100).fill(Array(100).fill(1)) })).toBeCloseTo(8e4, -4)
  expect(size({ text: "x".repeat(1e5) })).toBeCloseTo(2e5, -4)
  expect(
    documentSize("event_page", { data: { image: [new Uint8Array(1000), new Uint8Array(1000)] } } as never),
  ).toBe(3000)
  expect(documentSize("start", { uid: "u", time: 1 })).toBeLessThan(2000)
})

it("documents of interleaved runs are told apart, also where the resource does not name its run", () => {
  const owners = new RunsByDocument()
  const owner = (name: string, doc: object) =>
    owners.owner(...([name, doc] as Parameters<typeof owners.owner>))
  expect(owner("start", { uid: "a" })).toBe("a")
  expect(owner("start", { uid: "b" })).toBe("b")
  expect(owner("descriptor", { uid: "da", run_start: "a" })).toBe("a")
  expect(owner("descriptor", { uid: "db", run_start: "b" })).toBe("b")
  expect(owner("event", { descriptor: "da" })).toBe("a")
  expect(owner("event_page", { descriptor: "db" })).toBe("b")
  expect(owner("stream_resource", { run_start: "a" })).toBe("a")
  expect(owner("stop", { run_start: "a" })).toBe("a")
  owners.forget("a")
  expect(owner("event", { descriptor: "da" })).toBeUndefined()
  expect(owner("stream_resource", {})).toBe("b")
  expect(owner("descriptor", { uid: "x", run_start: "never seen" })).toBeUndefined()
})
