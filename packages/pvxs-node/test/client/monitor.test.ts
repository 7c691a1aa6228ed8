import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { UpdateQueue } from "../../src/client/update-queue.ts"
import { ntScalar } from "../../src/nt/scalar.ts"
import { SharedPv } from "../../src/server/shared-pv.ts"
import { layoutOf } from "../../src/values/layout.ts"
import { BitSet } from "../../src/wire/bitset.ts"
import { Pair, take } from "../support/pair.ts"
import { until } from "../support/until.ts"

const double = ntScalar("double")

describe("a monitor", () => {
  let pair: Pair
  let pv: SharedPv<typeof double>
  beforeEach(async () => {
    pair = await Pair.open()
    pv = new SharedPv(double)
    pair.server.add("x", pv)
  })
  afterEach(() => pair[Symbol.asyncDispose]())

  const values = (list: readonly { value: { value: number } }[]): number[] => list.map(u => u.value.value)

  it("keeps the newest value for a slow reader, with everything that changed, and counts what it dropped", async () => {
    await using monitor = pair.client.monitor("x", { type: double, request: { options: { queueSize: 100 } } })
    const updates = monitor[Symbol.asyncIterator]()
    await updates.next()
    for (let n = 1; n <= 9; n++) pv.post({ value: n })
    pv.post({ alarm: { severity: 2 } })
    await until(() => expect(monitor.latest?.alarm.severity).toBe(2))
    const { value: update } = await updates.next()
    expect(update?.value.value).toBe(9)
    expect(update?.changed.paths).toEqual(["value", "alarm.severity"])
    expect(update?.dropped).toBe(9)
  })

  it("delivers all, up to its bound, when asked to", async () => {
    await using monitor = pair.client.monitor("x", { type: double, deliver: "all", bound: 3, queueSize: 100 })
    const updates = monitor[Symbol.asyncIterator]()
    await updates.next()
    for (let n = 1; n <= 6; n++) pv.post({ value: n })
    await until(() => expect(monitor.latest?.value).toBe(6))
    const got = [await updates.next(), await updates.next(), await updates.next()].map(r => r.value!)
    expect(values(got)).toEqual([1, 2, 6])
    expect(got.map(u => u.dropped)).toEqual([0, 0, 3])
  })

  it("gives listeners every update as it comes", async () => {
    const seen: number[] = []
    const onUpdate = ({ value }: { value: { value: number } }): unknown => seen.push(value.value)
    await using _ = pair.client.monitor("x", { type: double, queueSize: 100, onUpdate })
    await until(() => expect(seen).toEqual([0]))
    for (let n = 1; n <= 20; n++) pv.post({ value: n })
    await until(() => expect(seen).toEqual(Array.from({ length: 21 }, (_, n) => n)))
  })

  it.each([1, 2, 3, 4, 7, 8, 16])(
    "with pipeline and window %i loses nothing a producer paces, slow or fast",
    async queueSize => {
      const seen: number[] = []
      await using monitor = pair.client.monitor("x", { type: double, pipeline: true, queueSize })
      for await (const { value, dropped } of monitor) {
        expect(dropped).toBe(0)
        seen.push(value.value)
        if (value.value === 20) break
        // A reader that is sometimes slower than the server.
        if (seen.length % 5 === 0) await new Promise(resolve => setImmediate(resolve))
        pv.post({ value: value.value + 1 })
      }
      expect(seen).toEqual(Array.from({ length: 21 }, (_, n) => n))
    },
  )

  it.each([1, 2, 5, 16])(
    "with pipeline and window %i is never sent more than it acknowledged",
    async queueSize => {
      await using monitor = pair.client.monitor("x", { type: double, pipeline: true, queueSize })
      const updates = monitor[Symbol.asyncIterator]()
      await updates.next()
      // Nobody reads while far more is posted than the window holds: the server has to merge.
      for (let n = 1; n <= 100; n++) pv.post({ value: n })
      await pair.client.get("x")
      let received = 0
      let last = 0
      while (last < 100) {
        const { value: update } = await updates.next()
        expect(update?.dropped).toBe(0)
        last = update!.value.value
        received++
      }
      expect(received).toBeLessThanOrEqual(2 * queueSize + 1)
    },
  )

  it("pauses, and starts again with everything", async () => {
    await using monitor = pair.client.monitor("x", { type: double })
    const updates = monitor[Symbol.asyncIterator]()
    await updates.next()
    monitor.pause()
    await until(() => expect(pv.subscriberCount).toBe(0))
    pv.post({ value: 5 })
    monitor.resume()
    const { value: update } = await updates.next()
    expect(update?.value.value).toBe(5)
    expect(update?.changed.size).toBe(7)
  })

  it("is told to the PV when the first comes and the last goes, however it goes", async () => {
    const first = vi.fn()
    const last = vi.fn()
    const watched = new SharedPv(double, { onFirstSubscriber: first, onLastSubscriber: last })
    pair.server.add("w", watched)
    const one = pair.client.monitor("w")
    await take(pair.client.monitor("w"), 1)
    await until(() => expect(watched.subscriberCount).toBe(1))
    expect(first).toHaveBeenCalledTimes(1)
    expect(last).not.toHaveBeenCalled()
    one.close()
    await until(() => expect(last).toHaveBeenCalledTimes(1))
    await take(pair.client.monitor("w"), 1)
    await until(() => expect(last).toHaveBeenCalledTimes(2))
    pair.client.monitor("w")
    await until(() => expect(first).toHaveBeenCalledTimes(3))
    await pair.client.close()
    await until(() => expect(last).toHaveBeenCalledTimes(3))
  })

  it("keeps to itself: two of one channel ask for different fields, and pausing or closing one leaves the other", async () => {
    await using whole = pair.client.monitor("x", { type: double, deliver: "all" })
    await using alarms = pair.client.monitor("x", { type: double, deliver: "all", request: "field(alarm)" })
    const one = whole[Symbol.asyncIterator]()
    const other = alarms[Symbol.asyncIterator]()
    await one.next()
    expect((await other.next()).value?.changed.has("value")).toBe(false)
    pv.post({ value: 1 })
    pv.post({ alarm: { severity: 1 } })
    expect((await one.next()).value?.changed.paths).toEqual(["value"])
    expect((await other.next()).value?.changed.paths).toEqual(["alarm.severity"])
    whole.pause()
    await until(() => expect(pv.subscriberCount).toBe(1))
    pv.post({ alarm: { severity: 2 } })
    expect((await other.next()).value?.value.alarm.severity).toBe(2)
    expect(whole.latest?.alarm.severity).toBe(1)
    alarms.close()
    whole.resume()
    await one.next()
    expect((await one.next()).value?.value.alarm.severity).toBe(2)
  })

  it("sees an update that changes nothing as no update, and none after it is closed", async () => {
    const monitor = pair.client.monitor("x", { type: double, deliver: "all" })
    const updates = monitor[Symbol.asyncIterator]()
    await updates.next()
    pv.post({})
    pv.post({ value: 1 })
    expect((await updates.next()).value?.value.value).toBe(1)
    monitor.close()
    pv.post({ value: 2 })
    expect(await updates.next()).toEqual({ done: true, value: undefined })
  })

  it("follows a PV that closes and opens again with another type", async () => {
    const events: string[] = []
    await using monitor = pair.client.monitor("x")
    monitor.on("connected", () => events.push("connected"))
    monitor.on("disconnected", reason => events.push(reason.code))
    const updates = monitor[Symbol.asyncIterator]()
    await updates.next()
    pv.close()
    await until(() => expect(events).toEqual(["connected", "PVA_DISCONNECTED"]))
    expect(() => pv.post({ value: 1 })).toThrow(/closed/)
    const open = (pv as unknown as SharedPv).open.bind(pv)
    open(ntScalar("string"), { value: "text" } as never)
    const { value: update } = await updates.next()
    expect(update?.value["value"]).toBe("text")
    expect(update?.initial).toBe(true)
    expect(events).toEqual(["connected", "PVA_DISCONNECTED", "connected"])
  })

  it("ends with its signal", async () => {
    const abort = new AbortController()
    const monitor = pair.client.monitor("x", { signal: abort.signal })
    const updates = monitor[Symbol.asyncIterator]()
    await updates.next()
    const next = updates.next()
    abort.abort()
    await expect(next).rejects.toMatchObject({ code: "PVA_ABORTED" })
    await expect(take(pair.client.monitor("x", { signal: abort.signal }), 1)).rejects.toMatchObject({
      code: "PVA_ABORTED",
    })
    await until(() => expect(pv.subscriberCount).toBe(0))
  })
})

describe("updates that wait", () => {
  const layout = layoutOf(double)
  const update = (bit: number, value: unknown, initial = false) => {
    const slots = layout.empty.slice()
    slots[bit] = value
    return { slots, changed: layout.fields(new BitSet([bit])), merged: 0, initial, epoch: 1, memory: null }
  }

  it("are merged when there are too many: newest value, all changes, counted", () => {
    const queue = new UpdateQueue(2)
    for (const [bit, value] of [
      [1, 1],
      [1, 2],
      [3, 3],
      [1, 4],
    ] as const) {
      queue.push(update(bit, value))
    }
    expect(queue.length).toBe(2)
    expect(queue.shift()?.merged).toBe(0)
    const last = queue.shift()!
    expect(last.changed.paths).toEqual(["value", "alarm.severity"])
    expect(last.merged).toBe(2)
    expect(last.slots[1]).toBe(4)
  })

  it("of one connection are never merged with those of the next", () => {
    const queue = new UpdateQueue(1)
    queue.push(update(1, 1))
    queue.push(update(1, 2, true))
    expect(queue.length).toBe(1)
    expect(queue.shift()).toMatchObject({ merged: 0, initial: true })
  })
})
