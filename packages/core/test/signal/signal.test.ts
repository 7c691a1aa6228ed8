import { firstValueFrom, take, toArray } from "rxjs"
import { describe, expect, it, vi } from "vitest"
import {
  boolean,
  choice,
  type Datatype,
  DisconnectedError,
  double,
  float64Array,
  int16,
  int64,
  integer,
  LimitError,
  MockBackend,
  number,
  onCallbackError,
  type Reading,
  SetInProgressError,
  SignalR,
  SignalRW,
  SignalW,
  SignalX,
  SoftBackend,
  SplitBackend,
  StatusTimeoutError,
  setAndWaitForOtherValue,
  setAndWaitForValue,
  softReadable,
  softSignal,
  string,
  stringArray,
  UnconnectedError,
  uint8Array,
  until,
  ValueError,
  waitFor,
} from "../../src/index.ts"
import { holdPuts, setMockMetadata, TestClock } from "../../src/testing/index.ts"

const control = (low: number, high: number) => ({ control: { low, high } })

/** A signal over a mock that takes its time: `gate` lets the writes go. */
function slow(options = {}) {
  const backend = new MockBackend(double, "ca://x")
  const signal = new SignalRW<number>(backend, { name: "x", ...options })
  return { backend, signal, gate: holdPuts(signal) }
}

describe("set", () => {
  it("outside the limits throws before anything is written", () => {
    const signal = softSignal(double, { name: "gain", initial: 1, limits: control(0, 10), units: "V" })
    expect(() => signal.set(11)).toThrow(LimitError)
    expect(() => signal.set(Number.NaN)).toThrow("gain: NaN V is outside its limits 0 to 10 V")
    expect(signal.read()).toMatchObject({ gain: { value: 1 } })
    expect(signal.set(10).success).toBe(true)
  })

  it.each([
    ["equal", control(5, 5)],
    ["both zero", control(0, 0)],
    ["reversed", control(1, -1)],
    ["absent", { control: { low: null, high: null } }],
  ])("limits that are %s mean no limits", (_, limits) => {
    const signal = softSignal(double, { limits })
    expect(signal.set(1e9).success).toBe(true)
  })

  it.each<[string, Datatype<unknown>, unknown[], unknown[]]>([
    ["double", double, [1.5, -0, Number.NaN], ["1", true, null, 1n]],
    ["integer", integer, [1, -7], [1.5, "1", Number.NaN, 2 ** 60]],
    ["int16", int16, [-32768, 32767], [32768, 0.5]],
    ["int64", int64, [2n ** 62n], [1, 2n ** 63n]],
    ["boolean", boolean, [true, false], [0, "true"]],
    ["string", string, ["", "x"], [1, null]],
    ["choice", choice("Close", "Open"), ["Open"], ["Opne", 1, "open"]],
    ["float64Array", float64Array, [new Float64Array(2), [1, 2]], [new Float32Array(2), ["1"], 1]],
    ["uint8Array", uint8Array, [new Uint8Array(2)], [new Int8Array(1)]],
    ["stringArray", stringArray, [["a", "b"], []], ["ab", [1]]],
  ])("a %s takes its own values and refuses others by name before writing", (_, datatype, good, bad) => {
    const signal = softSignal(datatype, { name: "s1" })
    for (const value of good) expect(signal.set(value).success).toBe(true)
    const before = signal.read()
    for (const value of bad) {
      expect(() => signal.set(value)).toThrow(ValueError)
      expect(() => signal.checkValue(value)).toThrow(/^s1: /)
    }
    expect(signal.read()).toEqual(before)
  })

  it("says what a choice would have taken", () => {
    const signal = softSignal(choice("Close", "Open"), { name: "shutter" })
    expect(() => signal.set("Opne" as "Open")).toThrow('shutter: "Opne" is none of "Close", "Open"')
  })

  it("needs a connection made before", () => {
    const backend = new (class extends SoftBackend<number> {
      override readonly connection = { connected: true, state: "not started" }
    })(double, {}, "ca://x")
    Object.assign(backend, { connection: { connected: false, state: "not started" } })
    const signal = new SignalRW(backend, { name: "x" })
    expect(() => signal.set(1)).toThrow(UnconnectedError)
    expect(() => signal.read()).toThrow("x: cannot read ca://x: connect it first")
  })

  it("fails with the server's reason when the server refuses", async () => {
    const { signal, backend } = slow()
    backend.handler = async () => {
      throw new Error("no write access")
    }
    await expect(signal.set(2)).rejects.toThrow(/^x: set 2 failed after .*: no write access$/)
    expect(signal.set(2).done).toBe(false)
  })

  it("asks for completion by signal, by value and by call", () => {
    const backend = new MockBackend(integer, "ca://busy")
    const signal = new SignalRW(backend, { completion: value => value !== 0 })
    signal.set(1)
    signal.set(0)
    signal.set(0, { completion: true })
    const plain = new SignalW(backend, { completion: false })
    plain.set(5)
    expect(backend.puts.map(p => p.completion)).toEqual([true, false, true, false])
  })

  it("times out by its own limit, settles only after success", () => {
    const clock = new TestClock()
    const { signal, gate } = slow({ clock, settleTime: 1 })
    const late = signal.set(1, { timeout: 3 })
    clock.advance(3)
    expect(late.error).toBeInstanceOf(StatusTimeoutError)
    gate.end()
    const settled = signal.set(2)
    clock.advance(0.5)
    expect(settled.done).toBe(false)
    clock.advance(0.5)
    expect(settled.success).toBe(true)
  })

  it("with `verify` waits until the read-back is near the value", async () => {
    const readback = new SoftBackend(double, { metadata: { precision: 2 } })
    const setpoint = new SoftBackend(double)
    const signal = new SignalRW(new SplitBackend(readback, setpoint), { verify: true })
    const status = signal.set(3)
    readback.assign(2.5)
    expect(status.done).toBe(false)
    readback.assign(2.995)
    expect(status.success).toBe(true)
    expect(await signal.locate()).toEqual({ setpoint: 3, readback: 2.995 })
    const cancelled = signal.set(9)
    cancelled.cancel()
    readback.assign(9)
    expect(cancelled.success).toBe(false)
  })

  it("tells the units of a number, and of nothing else that a record gives units for", async () => {
    const [gain, stop] = [
      softSignal(double, { name: "gain", units: "V" }),
      softSignal(boolean, { name: "stop", units: "V" }),
    ]
    expect([gain.set(3).description, stop.set(true).description]).toEqual(["gain: set 3 V", "stop: set true"])
  })

  it("with `verify` is done when the read-back shows the value at once, as in memory", async () => {
    const reported: unknown[] = []
    using _hook = onCallbackError(error => reported.push(error))
    const signal = softSignal(double, { name: "x", verify: true })
    expect(signal.set(3).success).toBe(true)
    expect(reported).toEqual([])
  })
})

describe("a set while another is under way", () => {
  it("is rejected with who, what and since when, and nothing is written", async () => {
    const clock = new TestClock()
    const { signal, backend, gate } = slow({ clock })
    const first = signal.set(1)
    clock.advance(1.5)
    expect(() => signal.set(2)).toThrow(SetInProgressError)
    expect(() => signal.set(2)).toThrow('x: cannot set 2: "x: set 1" has been in progress for 1.5 s')
    expect(backend.puts).toHaveLength(1)
    gate.release()
    await first
    expect(signal.set(2).done).toBe(false)
  })

  it("may supersede it: the earlier one fails and says by what", async () => {
    const { signal, backend, gate } = slow({ whenBusy: "supersede" })
    const first = signal.set(1)
    const second = signal.set(2)
    expect(first.error?.message).toMatch(/^x: set 1 was cancelled after .*: superseded by set 2$/)
    expect(backend.puts.map(p => p.value)).toEqual([1, 2])
    gate.release()
    await second
  })

  it("may queue behind it, in order, also when the earlier one fails", async () => {
    const { signal, backend, gate } = slow({ whenBusy: "queue" })
    const first = signal.set(1)
    const second = signal.set(2)
    const left = signal.set(3)
    const last = signal.set(4)
    left.cancel()
    expect(backend.puts.map(p => p.value)).toEqual([1])
    gate.fail(new Error("no"))
    await expect(first).rejects.toThrow("no")
    gate.end()
    await Promise.all([second, last])
    expect(backend.puts.map(p => p.value)).toEqual([1, 2, 4])
  })
})

describe("subscribers", () => {
  it("get the present value at once, then changes, and nothing after they left", () => {
    const signal = softSignal(integer, { initial: 1 })
    const seen: number[] = []
    const subscription = signal.subscribe(({ value }) => seen.push(value))
    signal.set(2)
    subscription.unsubscribe()
    subscription.unsubscribe()
    signal.set(3)
    expect(seen).toEqual([1, 2])
    expect(signal.latest).toBeUndefined()
  })

  it("that throw are reported and disturb nobody", () => {
    const signal = softSignal(integer, { name: "n" })
    const hook = vi.fn()
    using _ = onCallbackError(hook)
    const seen: number[] = []
    signal.subscribe(() => {
      throw new Error("bad subscriber")
    })
    signal.subscribe(({ value }) => seen.push(value))
    expect(signal.set(2).success).toBe(true)
    expect(seen).toEqual([0, 2])
    expect(hook).toHaveBeenLastCalledWith(
      expect.objectContaining({ message: "bad subscriber" }),
      "a subscriber of n",
    )
  })

  it("may come before connect and begin with it", async () => {
    const signal = new SignalRW(new SoftBackend(integer), { name: "n" })
    const seen: number[] = []
    signal.subscribe(({ value }) => seen.push(value))
    await signal.connect({ mock: true })
    signal.set(5)
    expect(seen).toEqual([0, 0, 5])
  })

  it("share one subscription to the server, which ends with the last of them", () => {
    const backend = new SoftBackend(integer)
    const monitor = vi.spyOn(backend, "monitor")
    const signal = new SignalR(backend)
    const one = signal.subscribe(() => {})
    const two = signal.subscribe(() => {})
    expect(monitor).toHaveBeenCalledOnce()
    one.unsubscribe()
    expect(signal.latest).toBeDefined()
    two.unsubscribe()
    expect(signal.latest).toBeUndefined()
  })

  it("in rxjs get values and readings", async () => {
    const signal = softSignal(integer)
    const three = firstValueFrom(signal.value$.pipe(take(3), toArray()))
    signal.set(1)
    signal.set(2)
    expect(await three).toEqual([0, 1, 2])
    expect(await firstValueFrom(signal.reading$)).toMatchObject({ value: 2, alarm_severity: 0 })
  })
})

describe("updates", () => {
  it("give a slow consumer the newest value and count the dropped ones", async () => {
    const signal = softSignal(integer)
    const updates = signal.updates()
    for (let i = 1; i <= 5; i++) signal.set(i)
    expect((await updates.next()).value).toMatchObject({ value: 5 })
    expect(updates.dropped).toBe(5)
    await updates.return?.()
    expect(signal.latest).toBeUndefined()
    expect(await updates.next()).toEqual({ value: undefined, done: true })
  })

  it("give every value on request, within a bound that shows when it was passed", async () => {
    const signal = softSignal(integer)
    const all = signal.updates({ deliver: "all" })
    const bounded = signal.updates({ deliver: "all", limit: 3 })
    for (let i = 1; i <= 5; i++) signal.set(i)
    const take = async (from: AsyncIterable<Reading<number>>, n: number) => {
      const values: number[] = []
      for await (const { value } of from) if (values.push(value) === n) break
      return values
    }
    expect(await take(all, 6)).toEqual([0, 1, 2, 3, 4, 5])
    expect(await take(bounded, 3)).toEqual([3, 4, 5])
    expect([all.dropped, bounded.dropped]).toEqual([0, 3])
  })
})

describe("waiting for a value", () => {
  it("is done at once when it holds already, else with the update that matches", async () => {
    const signal = softSignal(integer, { initial: 3 })
    expect(until(signal, 3).value).toBe(3)
    const status = until(signal, value => value > 5)
    signal.set(4)
    expect(status.done).toBe(false)
    signal.set(6)
    signal.set(7)
    expect(status.value).toBe(6)
    await expect(waitFor(signal, 7)).resolves.toBe(7)
  })

  it("with `stableFor` wants it to hold without a break", () => {
    const clock = new TestClock()
    const signal = softSignal(double, { clock })
    const status = until(signal, value => Math.abs(value - 10) < 1, { stableFor: 2, timeout: 60, clock })
    signal.set(10)
    clock.advance(1.5)
    signal.set(12)
    clock.advance(5)
    expect(status.done).toBe(false)
    signal.set(10.5)
    clock.advance(1)
    signal.set(9.5)
    clock.advance(1)
    expect(status.value).toBe(9.5)
    expect(clock.pending).toBe(0)
  })

  it("fails on time-out, on cancel and when the predicate throws, and leaves no subscription behind", () => {
    const clock = new TestClock()
    const signal = softSignal(integer, { name: "n", clock })
    const late = until(signal, 1, { timeout: 2, clock })
    clock.advance(2)
    expect(late.error?.message).toBe("n: wait until it is 1 did not finish within 2 s")
    const cancelled = until(signal, 1)
    cancelled.cancel()
    const broken = until(signal, () => {
      throw new Error("bad predicate")
    })
    expect(broken.error?.message).toContain("bad predicate")
    expect(signal.latest).toBeUndefined()
  })

  it("fails or goes on when the connection is lost, as the signal's policy says", () => {
    for (const onDisconnect of ["fail", "wait"] as const) {
      let tell: (up: boolean) => void = () => {}
      const backend = new SoftBackend(integer, {}, "ca://x")
      backend.onConnection = listener => {
        tell = listener
        return () => {}
      }
      const signal = new SignalR<number>(backend, { name: "x", onDisconnect })
      const status = until(signal, 1)
      tell(false)
      expect(status.done).toBe(onDisconnect === "fail")
      if (onDisconnect === "fail") expect(status.error?.cause).toBeInstanceOf(DisconnectedError)
      backend.assign(1)
      expect(status.success).toBe(onDisconnect === "wait")
    }
  })

  it("asks the server after a lost connection, also with `monitor: always`, until an update has come", async () => {
    let tell: (up: boolean) => void = () => {}
    class Remote extends SoftBackend<number> {
      override connection = { connected: false, state: "searching" }
      override connect() {
        this.connection = { connected: true, state: "connected" }
      }
      override onConnection(listener: (up: boolean) => void) {
        tell = listener
        return () => {}
      }
    }
    const backend = new Remote(integer, { initial: 1 }, "ca://x")
    const signal = new SignalR<number>(backend, { name: "x", monitor: "always" })
    await signal.connect()
    const asked = vi.spyOn(backend, "read")
    expect([await signal.get(), asked.mock.calls.length]).toEqual([1, 0])
    tell(false)
    tell(true)
    expect([await signal.get(), asked.mock.calls.length]).toEqual([1, 1])
    backend.assign(2)
    expect([await signal.get(), asked.mock.calls.length]).toEqual([2, 1])
  })

  it("set and wait: for the same signal's read-back, or for another one without the write's end", async () => {
    const readback = new SoftBackend(double)
    const signal = new SignalRW(new SplitBackend(readback, new SoftBackend(double)), { name: "x" })
    const same = setAndWaitForValue(signal, 2)
    await Promise.resolve()
    readback.assign(2)
    expect(await same).toBe(2)

    const { signal: acquire, gate } = slow()
    const [acquiring, assign] = softReadable(boolean)
    const starting = setAndWaitForOtherValue(acquire, 1, acquiring, true)
    expect(starting.done).toBe(false)
    assign(true)
    const { completion } = await starting
    expect(completion.done).toBe(false)
    gate.release()
    await completion
    const refused = setAndWaitForOtherValue(acquire, 1, acquiring, false)
    gate.fail(new Error("no camera"))
    await expect(refused).rejects.toThrow(/set 1 failed.*no camera|failed while waiting/)
  })
})

describe("documents", () => {
  it("carry value, time stamp and alarm in readings, and event-model names in data keys", () => {
    const clock = new TestClock(1000)
    const gain = softSignal(double, { name: "gain", units: "V", precision: 2, limits: control(0, 10), clock })
    clock.advance(5)
    gain.set(2)
    expect(gain.read()).toEqual({ gain: { value: 2, timestamp: 1005, alarm_severity: 0 } })
    expect(gain.describe()).toEqual({
      gain: {
        source: "soft://gain",
        dtype: "number",
        dtype_numpy: "<f8",
        shape: [],
        units: "V",
        precision: 2,
        limits: { control: { low: 0, high: 10 } },
      },
    })
  })

  it.each<[string, Datatype<unknown>, unknown, object]>([
    ["integer", integer, 3, { dtype: "integer", dtype_numpy: "<i8", shape: [] }],
    ["boolean", boolean, true, { dtype: "boolean", dtype_numpy: "|b1", shape: [] }],
    ["string", string, "x", { dtype: "string", shape: [] }],
    ["choice", choice("A", "B"), "B", { dtype: "string", choices: ["A", "B"], shape: [] }],
    [
      "present length of an array",
      float64Array,
      new Float64Array(7),
      { dtype: "array", dtype_numpy: "<f8", shape: [7] },
    ],
    ["list of strings", stringArray, ["a", "b"], { dtype: "array", shape: [2] }],
  ])("describe the %s", (_, datatype, initial, expected) => {
    const signal = softSignal(datatype, { name: "s", initial })
    expect(signal.describe()).toEqual({ s: { source: "soft://s", ...expected } })
  })

  it.each([
    ["<i4", "integer"],
    ["<f8", "number"],
  ])("describe a number that the server keeps as %s as %s", async (dtypeNumpy, dtype) => {
    const signal = softSignal(number, { name: "s" })
    await signal.connect({ mock: true })
    setMockMetadata(signal, { dtypeNumpy })
    expect(signal.describe()).toMatchObject({ s: { dtype, dtype_numpy: dtypeNumpy } })
  })

  it("of a config signal are its configuration, of another one they are not", () => {
    expect(softSignal(integer, { name: "n", kind: "config" }).readConfiguration()).toMatchObject({
      n: { value: 0 },
    })
    expect(softSignal(integer, { name: "n" }).readConfiguration()).toEqual({})
    expect(softSignal(integer, { name: "n", kind: "hinted" }).hints).toEqual({ fields: ["n"] })
  })
})

it("a command writes its fixed value", () => {
  const backend = new MockBackend(integer, "ca://proc")
  const process = new SignalX(backend, 1, { name: "process" })
  expect(process.trigger().success).toBe(true)
  expect(backend.puts).toEqual([{ value: 1, completion: true }])
})
