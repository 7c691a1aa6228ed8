import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { ndArray, ntNdArray } from "../../src/nt/nd-array.ts"
import { ntScalar } from "../../src/nt/scalar.ts"
import { SharedPv } from "../../src/server/shared-pv.ts"
import { Pair } from "../support/pair.ts"

const patient = { timeout: 20_000 }

describe("a server whose every image fills the socket", () => {
  let pair: Pair
  let timer: NodeJS.Timeout
  let uniqueId = 0
  const image = new SharedPv(ntNdArray)
  const data = new Uint8Array(300_000)

  beforeEach(async () => {
    pair = await Pair.open({ sendLimit: 1000 })
    pair.server.add("image", image)
    pair.server.add("x", SharedPv.mailbox(ntScalar("double"), { value: 1.5 }))
    // More than anybody takes: there is always a next one.
    const post = (): void => {
      for (let i = 0; i < 3; i++) image.post(ndArray({ data, shape: [1000, 300], uniqueId: ++uniqueId }))
      timer = setTimeout(post, 1)
    }
    post()
  })
  afterEach(async () => {
    clearTimeout(timer)
    await pair[Symbol.asyncDispose]()
  })

  it("goes on listening: calls are answered, and the subscription can be ended and begun again", async () => {
    for (const pipeline of [false, true]) {
      let updates = 0
      const monitor = pair.client.monitor("image", { pipeline, onUpdate: () => updates++ })
      await vi.waitFor(() => expect(updates).toBeGreaterThan(3), patient)
      expect((await pair.client.get("x"))["value"]).toBe(1.5)
      expect(image.subscriberCount).toBe(1)
      monitor.close()
      await vi.waitFor(() => expect(image.subscriberCount).toBe(0), patient)
    }
  })

  it("gives all subscriptions of one client their turn", async () => {
    const updates = [0, 0, 0]
    const monitors = updates.map((_, i) =>
      pair.client.monitor("image", { pipeline: i > 0, onUpdate: () => updates[i]!++ }),
    )
    await vi.waitFor(() => expect(Math.min(...updates)).toBeGreaterThan(20), patient)
    expect(Math.max(...updates)).toBeLessThan(5 * Math.min(...updates))
    for (const monitor of monitors) monitor.close()
  })
})

it("merges updates of a long queue whose arrays exceed the bytes that may wait, and sends the newest", async () => {
  await using pair = await Pair.open({ sendLimit: 1000, queueLimit: 1_000_000 })
  const image = new SharedPv(ntNdArray)
  const data = new Uint8Array(300_000)
  const post = (uniqueId: number): void => image.post(ndArray({ data, shape: [1000, 300], uniqueId }))
  post(0)
  pair.server.add("image", image)
  const seen: number[] = []
  const monitor = pair.client.monitor("image", {
    queueSize: 100,
    type: ntNdArray,
    onUpdate: ({ value }) => seen.push(value.uniqueId),
  })
  await vi.waitFor(() => expect(seen).toEqual([0]), patient)
  for (let uniqueId = 1; uniqueId <= 20; uniqueId++) post(uniqueId)
  await vi.waitFor(() => expect(seen.at(-1)).toBe(20), patient)
  // The one on its way, three that wait, the last of which stands for the rest.
  expect(seen).toEqual([0, 1, 2, 3, 20])
  monitor.close()
})
