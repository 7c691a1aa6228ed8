import { once } from "node:events"
import { afterEach, describe, expect, it, vi } from "vitest"
import { integer, onCallbackError, reportCallbackError, softSignal } from "../src/index.ts"

afterEach(() => {
  vi.unstubAllGlobals()
})

/** A name that no other test reports for: the runtime is told once. */
let count = 0
const place = () => `a subscriber of ${++count}`

describe("an error that nobody waits for", () => {
  it("is a process warning when nobody else hears of it, and the process goes on", async () => {
    const signal = softSignal(integer, { name: "unheard" })
    const warned = once(process, "warning")
    signal.subscribe(() => {
      throw new TypeError("no such colour")
    })
    const [warning] = await warned
    expect(warning).toMatchObject({
      name: "OphydWarning",
      code: "OPHYD_CALLBACK",
      message: "a subscriber of unheard failed: no such colour",
      detail: expect.stringContaining("error-hook.test.ts"),
    })
    expect(signal.set(3).success).toBe(true)
  })

  it("is told once for each place and message, however often it comes", () => {
    const emitWarning = vi.fn()
    vi.stubGlobal("process", { emitWarning })
    const [here, there] = [place(), place()]
    for (let i = 0; i < 1000; i++) reportCallbackError(new Error("again"), here)
    reportCallbackError("a text", there)
    reportCallbackError("another", there)
    vi.unstubAllGlobals()
    expect(emitWarning.mock.calls.map(([message]) => message)).toEqual([
      `${here} failed: again`,
      `${there} failed: a text`,
      `${there} failed: another`,
    ])
  })

  it("is reported by the browser where there is no process", () => {
    const reportError = vi.fn()
    vi.stubGlobal("process", undefined)
    vi.stubGlobal("reportError", reportError)
    const where = place()
    const error = new Error("bad")
    reportCallbackError(error, where)
    vi.unstubAllGlobals()
    expect(reportError.mock.calls).toEqual([
      [expect.objectContaining({ message: `${where} failed: bad`, cause: error })],
    ])
  })

  it("goes to the hooks alone when there are any, and one that throws disturbs nobody", () => {
    const emitWarning = vi.fn()
    vi.stubGlobal("process", { emitWarning })
    const hook = vi.fn()
    {
      using _ = onCallbackError(() => {
        throw new Error("bad hook")
      })
      using __ = onCallbackError(hook)
      reportCallbackError(new Error("bad"), "a subscriber of x")
    }
    reportCallbackError(new Error("later"), place())
    vi.unstubAllGlobals()
    expect(hook.mock.calls).toEqual([[expect.objectContaining({ message: "bad" }), "a subscriber of x"]])
    expect(emitWarning).toHaveBeenCalledOnce()
  })
})
