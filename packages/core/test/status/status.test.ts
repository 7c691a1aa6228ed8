import { describe, expect, it, vi } from "vitest"
import {
  type Action,
  onCallbackError,
  type Progress,
  Status,
  StatusCancelledError,
  StatusDoneError,
  StatusError,
  type StatusGroupError,
  type StatusOptions,
  StatusTimeoutError,
  WaitTimeoutError,
} from "../../src/index.ts"
import { TestClock } from "../../src/testing/index.ts"

/** A status of a motor on a clock we turn, with its owner's side. */
function move<T = void>(options: StatusOptions = {}) {
  const clock = new TestClock()
  let action!: Action<T>
  const status = new Status<T>(
    { name: "m1", action: "move to", target: 3, unit: "mm", clock, ...options },
    a => {
      action = a
    },
  )
  return { status, action, clock }
}

describe("a status ends once", () => {
  it("gives its value to whoever awaits it, before and after it is done", async () => {
    const { status, action } = move<number>()
    const early = status.wait()
    expect([status.done, status.success, status.error, status.value]).toEqual([false, false, null, undefined])
    action.finish(42)
    expect([status.done, status.success, status.error, status.value]).toEqual([true, true, null, 42])
    expect([await early, await status]).toEqual([42, 42])
  })

  it("throws when its owner finishes it twice, in any combination", () => {
    for (const first of ["finish", "fail"] as const) {
      for (const second of ["finish", "fail"] as const) {
        const { action } = move<unknown>()
        action[first](new Error("x"))
        expect(() => action[second](new Error("y"))).toThrow(StatusDoneError)
      }
    }
  })

  it("tolerates hardware that answers after the time-out or after a cancel", () => {
    const { status, action, clock } = move({ timeout: 5 })
    clock.advance(5)
    expect(status.error).toBeInstanceOf(StatusTimeoutError)
    action.finish()
    action.fail(new Error("late"))
    expect(status.error?.message).toBe("m1: move to 3 mm did not finish within 5 s")
    const other = move()
    other.status.cancel()
    other.action.finish()
    expect(other.status.success).toBe(false)
  })

  it("names device, action, target, elapsed time and cause, and keeps the cause", async () => {
    const { status, action, clock } = move()
    clock.advance(1.25)
    const cause = new Error("limit switch hit")
    action.fail(cause)
    await expect(status).rejects.toThrow("m1: move to 3 mm failed after 1.25 s: limit switch hit")
    expect(status.error).toMatchObject({ code: "STATUS_FAILED", cause })
  })

  it("fails when its start throws, and does not start when its signal was aborted before", () => {
    const thrown = new Status({ name: "m1", action: "home" }, () => {
      throw new Error("no motor")
    })
    expect(thrown.error?.message).toContain("m1: home failed after")
    const start = vi.fn()
    const aborted = new Status({ signal: AbortSignal.abort(new Error("over")) }, start)
    expect(aborted.error).toBeInstanceOf(StatusCancelledError)
    expect(start).not.toHaveBeenCalled()
  })

  it("is no unhandled rejection when nobody awaits its failure", async () => {
    const unhandled = vi.fn()
    process.on("unhandledRejection", unhandled)
    Status.failed({ name: "m1" }, new Error("x"))
    const { status, action } = move()
    action.fail(new Error("x"))
    void status.wait()
    void Status.all([Status.failed({}, new Error("y"))])
    await new Promise(resolve => setImmediate(resolve))
    process.off("unhandledRejection", unhandled)
    expect(unhandled).not.toHaveBeenCalled()
  })
})

describe("two kinds of patience", () => {
  it("the waiter's time-out leaves the status pending, its own time-out fails it", async () => {
    const { status, action, clock } = move({ timeout: 10 })
    const impatient = status.wait({ timeout: 1 })
    const patient = status.wait({ timeout: 60 })
    clock.advance(1)
    await expect(impatient).rejects.toBeInstanceOf(WaitTimeoutError)
    expect(status.done).toBe(false)
    action.finish()
    await expect(patient).resolves.toBeUndefined()
    expect(clock.pending).toBe(0)
  })

  it("its own time-out can be set later, from then on", () => {
    const { status, action, clock } = move({ timeout: 1 })
    clock.advance(0.5)
    action.limit(3)
    clock.advance(2.9)
    expect(status.done).toBe(false)
    clock.advance(0.1)
    expect(status.error).toBeInstanceOf(StatusTimeoutError)
    action.limit(3)
    expect(clock.pending).toBe(0)
  })

  it("a waiter can leave by its AbortSignal", async () => {
    const { status } = move()
    const leave = new AbortController()
    const waiting = status.wait({ signal: leave.signal })
    leave.abort(new Error("enough"))
    await expect(waiting).rejects.toThrow("enough")
    expect(status.done).toBe(false)
  })
})

describe("settle time", () => {
  it("delays success and is not counted by the time-out", () => {
    const { status, action, clock } = move({ settleTime: 2, timeout: 1 })
    action.finish()
    expect(() => action.finish()).toThrow(StatusDoneError)
    clock.advance(1.9)
    expect(status.done).toBe(false)
    clock.advance(0.2)
    expect(status.success).toBe(true)
  })

  it("does not delay failure", () => {
    const { status, action } = move({ settleTime: 2 })
    action.fail(new Error("x"))
    expect(status.done).toBe(true)
  })
})

describe("callbacks", () => {
  it("run exactly once with the status, also when added after completion", () => {
    const { status, action } = move()
    const before = vi.fn()
    const after = vi.fn()
    status.onDone(before)
    action.finish()
    status.onDone(after)
    expect(before.mock.calls).toEqual([[status]])
    expect(after.mock.calls).toEqual([[status]])
  })

  it("that throw do not stop the next one and are reported to the error hook", () => {
    const { status, action } = move()
    const hook = vi.fn()
    using _ = onCallbackError(hook)
    const next = vi.fn()
    status.onDone(() => {
      throw new Error("bad callback")
    })
    status.onDone(next)
    action.finish()
    expect(next).toHaveBeenCalledOnce()
    expect(hook).toHaveBeenCalledWith(
      expect.objectContaining({ message: "bad callback" }),
      "a callback of m1: move to 3 mm",
    )
  })
})

describe("cancel", () => {
  it("runs the action's clean-up, aborts its signal and fails with the reason", () => {
    const { status, action, clock } = move()
    const cleanUp = vi.fn()
    const { signal } = action
    action.onCancel(cleanUp)
    clock.advance(0.5)
    status.cancel(new Error("beam lost"))
    expect(cleanUp).toHaveBeenCalledWith(status.error)
    expect(signal.reason).toBe(status.error)
    expect(status.error?.message).toBe("m1: move to 3 mm was cancelled after 500 ms: beam lost")
    status.cancel()
    expect(cleanUp).toHaveBeenCalledOnce()
  })

  it.each(["timeout", "AbortSignal", "using"])("the clean-up runs as well on %s", how => {
    const outside = new AbortController()
    const { status, action, clock } = move({ timeout: 1, signal: outside.signal })
    const cleanUp = vi.fn()
    action.onCancel(cleanUp)
    if (how === "timeout") clock.advance(1)
    else if (how === "AbortSignal") outside.abort()
    else status[Symbol.dispose]()
    expect(cleanUp).toHaveBeenCalledOnce()
    expect(clock.pending).toBe(0)
  })

  it("comes too late for what is done", () => {
    const { status, action } = move()
    const cleanUp = vi.fn()
    action.onCancel(cleanUp)
    action.finish()
    status.cancel()
    expect(status.success).toBe(true)
    expect(cleanUp).not.toHaveBeenCalled()
  })

  it("reaches the work that Status.run started", async () => {
    const ended = vi.fn()
    const status = Status.run({ name: "dm", action: "upload" }, async work => {
      await new Promise((_, reject) =>
        work.signal.addEventListener("abort", () => reject(work.signal.reason)),
      )
    })
    status.onDone(ended)
    status.cancel()
    await expect(status).rejects.toBeInstanceOf(StatusCancelledError)
    expect(ended).toHaveBeenCalledOnce()
  })
})

describe("combined statuses", () => {
  it("are done when all are and give all values in order", () => {
    const a = move<number>()
    const b = move<string>()
    const both = a.status.and(b.status)
    b.action.finish("b")
    expect(both.done).toBe(false)
    a.action.finish(1)
    expect(both.value).toEqual([1, "b"])
    expect(Status.all([]).success).toBe(true)
  })

  it("fail at the first failure with that cause, and collect the later ones", () => {
    const a = move({ name: "a" })
    const b = move({ name: "b" })
    const c = move({ name: "c" })
    const all = Status.all([a.status, b.status, c.status])
    b.action.fail(new Error("stuck"))
    expect(all.error?.message).toBe("b: move to 3 mm failed after under 1 ms: stuck")
    expect(all.error?.cause).toBe(b.status.error)
    c.action.fail(new Error("cold"))
    expect((all.error as StatusGroupError).errors).toEqual([b.status.error, c.status.error])
    expect(a.status.done).toBe(false)
  })

  it("cancel each part when the whole is cancelled", () => {
    const a = move()
    const b = move()
    Status.all([a.status, b.status]).cancel(new Error("stop"))
    expect([a.status.error, b.status.error].map(e => e instanceof StatusCancelledError)).toEqual([true, true])
  })

  it("race: the first to end decides and the others are cancelled", () => {
    const a = move<number>()
    const b = move<number>()
    const first = Status.race([a.status, b.status])
    b.action.finish(7)
    expect(first.value).toBe(7)
    expect(a.status.error).toBeInstanceOf(StatusCancelledError)
    const failing = Status.race([move().status, Status.failed({ name: "x" }, new Error("no"))])
    expect(failing.error).toBeInstanceOf(StatusError)
  })
})

describe("progress", () => {
  const collect = (status: Status<unknown>) => {
    const seen: Progress[] = []
    status.watch(p => seen.push(p))
    return seen
  }

  it("fills in name, fraction done, elapsed and remaining time, and ends at 1 on success", () => {
    const { status, action, clock } = move()
    const seen = collect(status)
    clock.advance(1)
    action.progress({ initial: 0, current: 1, target: 4, unit: "mm" })
    action.finish()
    expect(seen).toEqual([
      {
        name: "m1",
        initial: 0,
        current: 1,
        target: 4,
        unit: "mm",
        fraction: 0.25,
        timeElapsed: 1,
        timeRemaining: 3,
      },
      expect.objectContaining({ fraction: 1, current: 4, timeRemaining: 0 }),
    ])
  })

  it("stops where it was on failure, and watchers hear nothing after they left", () => {
    const { status, action } = move()
    const seen = collect(status)
    const left = vi.fn()
    status.watch(left)()
    action.progress({ fraction: 0.3 })
    action.fail(new Error("x"))
    expect(seen.map(p => p.fraction)).toEqual([0.3])
    expect(left).not.toHaveBeenCalled()
  })

  it("replays the latest to a watcher that comes later", () => {
    const { status, action } = move()
    action.progress({ fraction: 0.3 })
    expect(collect(status).map(p => p.fraction)).toEqual([0.3])
    action.finish()
    expect(collect(status).map(p => p.fraction)).toEqual([1])
  })

  it("is an async iterable that ends with the status, also with a failed one", async () => {
    const { status, action } = move()
    const seen: (number | undefined)[] = []
    const reading = (async () => {
      for await (const { fraction } of status.progress()) seen.push(fraction)
    })()
    action.progress({ fraction: 0.5 })
    await expect.poll(() => seen).toEqual([0.5])
    action.fail(new Error("x"))
    await reading
    expect(seen).toEqual([0.5])
  })
})
