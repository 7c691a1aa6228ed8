import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { ndArray, ntNdArray, readNdArray } from "../../src/nt/nd-array.ts"
import { SharedPv } from "../../src/server/shared-pv.ts"
import { structure, t } from "../../src/values/field-type.ts"
import { Pair } from "../support/pair.ts"
import { until } from "../support/until.ts"

const side = 256
const image = (id: number) =>
  ndArray({ data: new Uint16Array(side * side).fill(id), shape: [side, side], uniqueId: id })
const isAll = (data: ArrayLike<unknown> | undefined, id: number): boolean =>
  data !== undefined && data.length === side * side && Array.from(data).every(pixel => pixel === id)
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

describe("a monitor that uses memory again", () => {
  let pair: Pair
  let pv: SharedPv<typeof ntNdArray>
  beforeEach(async () => {
    pair = await Pair.open()
    pv = new SharedPv(ntNdArray)
    pair.server.add("i", pv)
  })
  afterEach(() => pair[Symbol.asyncDispose]())

  it("gives listeners whole images, in a few places that take turns", async () => {
    const places = new Set<unknown>()
    const seen: number[] = []
    await using monitor = pair.client.monitor("i", { type: ntNdArray, reuseMemory: true, pipeline: true })
    monitor.on("update", ({ value }) => {
      const received = readNdArray(value)
      if (received === null) return
      expect(isAll(received.data, received.uniqueId)).toBe(true)
      places.add(received.data.buffer)
      seen.push(received.uniqueId)
    })
    for (let id = 1; id <= 60; id++) {
      pv.post(image(id))
      await until(() => expect(seen.at(-1)).toBe(id))
    }
    // The first ones may have to be copied until the arrays of this stream come to lie aligned.
    expect(places.size).toBeLessThan(10)
    expect(seen).toHaveLength(60)
  })

  it("without being told so never touches what was handed out", async () => {
    const kept: { id: number; data: ArrayLike<unknown> }[] = []
    await using monitor = pair.client.monitor("i", { type: ntNdArray })
    monitor.on("update", ({ value }) => {
      const received = readNdArray(value)
      if (received !== null) kept.push({ id: received.uniqueId, data: received.data })
    })
    for (let id = 1; id <= 20; id++) {
      pv.post(image(id))
      await until(() => expect(kept.at(-1)?.id).toBe(id))
    }
    for (const { id, data } of kept) expect(isAll(data, id)).toBe(true)
  })

  it.each([{ deliver: "latest" }, { deliver: "all", bound: 3 }, { pipeline: true, queueSize: 4 }] as const)(
    "leaves a reader its image until it asks for the next: %j",
    async options => {
      await using monitor = pair.client.monitor("i", { type: ntNdArray, reuseMemory: true, ...options })
      let next = 1
      for await (const { value } of monitor) {
        const received = readNdArray(value)
        for (let i = 0; i < 6; i++) {
          pv.post(image(next++))
          await turn()
          if (received !== null) expect(isAll(received.data, received.uniqueId)).toBe(true)
        }
        if (received !== null) expect(isAll(received.data, received.uniqueId)).toBe(true)
        if (next > 200) break
      }
    },
  )

  it("keeps the image of an update that changes something else, however many follow", async () => {
    await using monitor = pair.client.monitor("i", { type: ntNdArray, reuseMemory: true })
    for (let id = 1; id <= 10; id++) {
      pv.post(image(id))
      await until(() => expect(monitor.latest?.uniqueId).toBe(id))
      for (let severity = 1; severity <= 3; severity++) {
        pv.post({ alarm: { severity } })
        await until(() => expect(monitor.latest?.alarm.severity).toBe(severity))
        expect(isAll(readNdArray(monitor.latest)?.data, id)).toBe(true)
      }
    }
  })

  it("keeps several arrays apart that change in turn, and arrays deep inside", async () => {
    const inner = structure("", { deep: t.ushorts })
    const type = structure("", {
      a: t.ushorts,
      b: t.ushorts,
      list: { kind: "structure[]", of: inner } as const,
    })
    const many = new SharedPv(type)
    pair.server.add("m", many)
    await using monitor = pair.client.monitor("m", { type, reuseMemory: true })
    const expected: Record<string, number> = { a: 0, b: 0, list: 0 }
    const pixels = (id: number): Uint16Array => new Uint16Array(side * side).fill(id)
    for (let id = 1; id <= 60; id++) {
      const which = ["a", "b", "list"][Math.floor(Math.random() * 3)]!
      expected[which] = id
      many.post(which === "list" ? { list: [{ deep: pixels(id) }] } : { [which]: pixels(id) })
      const value = (): { a?: Uint16Array; b?: Uint16Array; list?: Uint16Array | undefined } => ({
        a: monitor.latest?.a as Uint16Array,
        b: monitor.latest?.b as Uint16Array,
        list: (monitor.latest?.list[0] as { deep: Uint16Array } | undefined)?.deep,
      })
      await until(() => expect(value()[which as "a"]?.[0]).toBe(id))
      for (const [name, now] of Object.entries(expected))
        if (now > 0) expect(isAll(value()[name as "a"], now), `${name} after ${id}`).toBe(true)
    }
  })

  it("starts without an image where there is none, is told of the first, and of its going", async () => {
    await using monitor = pair.client.monitor("i", { type: ntNdArray, deliver: "all" })
    const updates = monitor[Symbol.asyncIterator]()
    const first = (await updates.next()).value!
    expect([first.value.value, first.changed.has("value"), first.changed.has("uniqueId")]).toEqual([
      null,
      false,
      true,
    ])
    expect((await pair.client.get("i", { type: ntNdArray })).value).toBeNull()
    pv.post(image(3))
    expect((await updates.next()).value?.changed.has("value")).toBe(true)
    pv.post({ value: null })
    const last = (await updates.next()).value!
    expect([last.value.value, last.changed.paths]).toEqual([null, ["value"]])
    pv.post(image(4))
    await updates.next()
    monitor.pause()
    await until(() => expect(pv.subscriberCount).toBe(0))
    pv.post({ value: null })
    monitor.resume()
    expect((await updates.next()).value?.value.value).toBeNull()
  })

  it("goes on after its PV has closed and opened", async () => {
    await using monitor = pair.client.monitor("i", { type: ntNdArray, reuseMemory: true })
    const updates = monitor[Symbol.asyncIterator]()
    for (let id = 1; id <= 9; id++) {
      if (id % 3 === 0) {
        pv.close()
        pv.open(ntNdArray)
      }
      pv.post(image(id))
      let received = readNdArray((await updates.next()).value?.value)
      while (received?.uniqueId !== id) received = readNdArray((await updates.next()).value?.value)
      expect(isAll(received.data, id)).toBe(true)
    }
  })
})
