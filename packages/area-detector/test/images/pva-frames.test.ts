import { once } from "node:events"
import { createServer } from "node:net"
import { ntNdArray, ntScalar, PvAny, PvaServer, SharedPv, structure, t, union } from "pvxs-node"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { type Frame, type ImageError, PvaFrames } from "../../src/images/index.ts"
import { at, ImageServer } from "./support.ts"

/** The numbers of the next frames of a stream. */
async function ids(stream: AsyncIterable<Frame>, n: number): Promise<number[]> {
  const taken: number[] = []
  for await (const frame of stream) {
    taken.push(frame.uniqueId)
    if (taken.length === n) break
  }
  return taken
}

/** Waits for real conditions only, so a busy machine has time. */
const patient = { timeout: 20_000 }

describe("frames over pvAccess", () => {
  let images: ImageServer
  let frames: PvaFrames
  beforeEach(async () => {
    images = await ImageServer.open()
    frames = new PvaFrames(`pva://${images.name}`, { client: images.client })
  })
  afterEach(() => images[Symbol.asyncDispose]())

  it("are read one at a time", async () => {
    await expect(frames.get()).rejects.toMatchObject({ code: "IMAGE_NONE" })
    images.post(3)
    const frame = await frames.get()
    expect(frame).toMatchObject({
      source: `pva://${images.name}`,
      uniqueId: 3,
      shape: [1, 2],
      dtype: "uint16",
    })
    expect(frame.data).toEqual(Uint16Array.of(3, 0))
    // Each reader gets memory of its own.
    expect((await frames.get()).data).not.toBe(frame.data)
  })

  it("are waited for: the next one, not the one that is there", async () => {
    images.post(1)
    const next = frames.next()
    await vi.waitFor(() => expect(images.pv.subscriberCount).toBe(1), patient)
    images.post(2)
    expect((await next).uniqueId).toBe(2)
    await vi.waitFor(() => expect(images.pv.subscriberCount).toBe(0), patient)
  })

  it("are waited for no longer than told, or until the caller aborts", async () => {
    await expect(frames.next({ timeout: 0.05 })).rejects.toMatchObject({
      code: "IMAGE_TIMEOUT",
      message: `pva://${images.name}: no frame came within 0.05 s`,
    })
    const reason = new Error("enough")
    const abort = new AbortController()
    const next = frames.next({ signal: abort.signal })
    abort.abort(reason)
    await expect(next).rejects.toMatchObject({ code: "IMAGE_ABORTED" })
    await expect(frames.get({ signal: abort.signal })).rejects.toMatchObject({ code: "IMAGE_ABORTED" })
    const nowhere = new PvaFrames("nobody:Image", { client: images.client })
    await expect(nowhere.get({ timeout: 0.05 })).rejects.toMatchObject({
      code: "IMAGE_TIMEOUT",
      message: expect.stringContaining("nobody:Image"),
    })
  })

  it("come newest first to a slow reader, the one that is there included", async () => {
    images.post(1)
    const stream = frames.latest()
    const first = await stream.next()
    expect(first.value?.uniqueId).toBe(1)
    for (let id = 2; id <= 50; id++) images.post(id)
    await vi.waitFor(async () => expect((await stream.next()).value?.uniqueId).toBe(50), patient)
    expect(stream.received + stream.skipped).toBe(50)
    stream.close()
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })

  it("come all, in order, however slow the reader is, while the server waits for it", async () => {
    const stream = frames.all({ queue: 4 })
    await stream.ready()
    const taken: number[] = []
    for (let id = 1; id <= 30; id++) {
      images.post(id)
      // A reader that is two frames behind all the time.
      if (id > 2) taken.push((await stream.next()).value!.uniqueId)
    }
    taken.push(...(await ids(stream, 2)))
    expect(taken).toEqual(Array.from({ length: 30 }, (_, i) => i + 1))
    expect(stream).toMatchObject({ received: 30, skipped: 0, restarts: 0, bad: 0 })
  })

  it("are dropped by the server alone when the reader falls behind too far, and are counted", async () => {
    const stream = frames.all({ queue: 3 })
    await stream.ready()
    for (let id = 1; id <= 40; id++) images.post(id)
    const last = await vi.waitFor(async () => {
      const { value } = await stream.next()
      expect(value?.uniqueId).toBe(40)
      return value
    }, patient)
    expect(last?.data).toEqual(Uint16Array.of(40, 0))
    expect(stream.received).toBeLessThan(15)
    expect(stream.received + stream.skipped).toBe(40)
    stream.close()
  })

  it("leave out the one that was there, unless asked for", async () => {
    images.post(1)
    const without = frames.all()
    const including = frames.all({ present: true })
    await Promise.all([without.ready(), including.ready()])
    images.post(2)
    expect(await ids(without, 1)).toEqual([2])
    expect(await ids(including, 2)).toEqual([1, 2])
  })

  it("are frames: an update of an alarm alone is none", async () => {
    const stream = frames.all()
    await stream.ready()
    images.post(1)
    images.pv.post({ alarm: { severity: 1 } })
    images.post(2)
    expect(await ids(stream, 2)).toEqual([1, 2])
    expect(stream.skipped).toBe(0)
  })

  it("end with the signal: whoever waits hears of it", async () => {
    const abort = new AbortController()
    const loop = ids(frames.latest({ signal: abort.signal }), 1)
    await vi.waitFor(() => expect(images.pv.subscriberCount).toBe(1), patient)
    abort.abort()
    await expect(loop).rejects.toMatchObject({ code: "IMAGE_ABORTED" })
    await vi.waitFor(() => expect(images.pv.subscriberCount).toBe(0), patient)
  })

  it("stop with the loop that took them", async () => {
    images.post(1)
    expect(await ids(frames.latest(), 1)).toEqual([1])
    await vi.waitFor(() => expect(images.pv.subscriberCount).toBe(0), patient)
    {
      await using stream = frames.all()
      await stream.ready()
      expect(images.pv.subscriberCount).toBe(1)
    }
    await vi.waitFor(() => expect(images.pv.subscriberCount).toBe(0), patient)
  })

  const lz4 = { codec: { name: "lz4", parameters: new PvAny(t.int, 6) } }
  const compressed = (uniqueId: number, bytes: number[], codec = lz4.codec.name) =>
    images.pv.post({
      value: { name: "ubyteValue", value: Uint8Array.from(bytes) },
      codec: { ...lz4.codec, name: codec },
      compressedSize: bytes.length,
      uncompressedSize: 4,
      dimension: [{ size: 2 }, { size: 1 }],
      uniqueId,
      dataTimeStamp: at(uniqueId),
    } as never)

  it("are decoded when asked, in order with those that need not be", async () => {
    const decoding = new PvaFrames(images.name, { client: images.client, decode: true })
    const stream = decoding.all()
    await stream.ready()
    compressed(1, [0x40, 1, 0, 2, 0])
    images.post(2)
    const first = (await stream.next()).value!
    expect(first).toMatchObject({ codec: "", dtype: "uint16", shape: [1, 2] })
    expect(first.data).toEqual(Uint16Array.of(1, 2))
    expect((await stream.next()).value?.uniqueId).toBe(2)
    stream.close()
    compressed(3, [0x40, 3, 0, 4, 0])
    expect((await decoding.get()).data).toEqual(Uint16Array.of(3, 4))
    expect(await frames.get()).toMatchObject({ codec: "lz4", compressedSize: 5, uncompressedSize: 4 })
  })

  it("that cannot be used are reported, and the next good one goes on", async () => {
    const bad: ImageError[] = []
    const decoding = new PvaFrames(images.name, { client: images.client, decode: { maxBytes: 100 } })
    const stream = decoding.all({ onBadFrame: error => bad.push(error) })
    await stream.ready()
    compressed(1, [1, 2, 3], "zfp")
    compressed(2, [0xff, 0xff])
    images.pv.post({
      codec: { name: "" },
      dimension: [{ size: 9 }],
      value: { name: "ubyteValue", value: [1] },
      uniqueId: 3,
    })
    images.post(4)
    expect(await ids(stream, 1)).toEqual([4])
    expect(bad.map(error => error.code)).toEqual(["IMAGE_CODEC", "IMAGE_CORRUPT", "IMAGE_SIZE"])
    expect(bad[0]?.message).toBe(
      `frame 1 of pva://${images.name}: no codec "zfp", only lz4, bslz4, blosc, zlib, jpeg`,
    )
    expect(stream).toMatchObject({ bad: 3 })
  })

  it("that cannot be used end a loop that did not ask to hear of them", async () => {
    const decoding = new PvaFrames(images.name, { client: images.client, decode: true })
    compressed(1, [1, 2, 3], "zfp")
    await expect(decoding.get()).rejects.toMatchObject({ code: "IMAGE_CODEC" })
    await expect(ids(decoding.latest(), 1)).rejects.toMatchObject({ code: "IMAGE_CODEC" })
    await vi.waitFor(() => expect(images.pv.subscriberCount).toBe(0), patient)
  })

  it("are refused where there are none: another type, pixels of an unknown type", async () => {
    images.server.add(`${images.name}:scalar`, SharedPv.mailbox(ntScalar("double")))
    const scalar = new PvaFrames(`${images.name}:scalar`, { client: images.client })
    await expect(scalar.get()).rejects.toMatchObject({
      code: "IMAGE_TYPE",
      message: expect.stringContaining(`${images.name}:scalar is no NTNDArray`),
    })
    const half = structure("epics:nt/NTNDArray:1.0", { value: union("", { halfValue: t.ushorts }) })
    const value = { value: { name: "halfValue", value: new Uint16Array(2) } } as never
    images.server.add(`${images.name}:half`, new SharedPv(half, { value }))
    const halves = new PvaFrames(`${images.name}:half`, { client: images.client })
    await expect(ids(halves.latest(), 1)).rejects.toMatchObject({
      code: "IMAGE_TYPE",
      message: expect.stringContaining("halfValue"),
    })
  })

  it("are asked for with sense", () => {
    expect(() => new PvaFrames("ca://x")).toThrow(expect.objectContaining({ code: "IMAGE_INPUT" }))
    expect(() => frames.all({ queue: 0 })).toThrow(/a queue is an integer above 0/)
  })
})

describe("frames over pvAccess, while the server comes and goes", () => {
  it(
    "go on when it is back: missed frames are counted, those of before do not come again",
    patient,
    async () => {
      const port = await freePort()
      const images = await ImageServer.open({
        isolated: false,
        port,
        interfaces: ["127.0.0.1"],
        udp: false,
        env: {},
      })
      try {
        const stream = new PvaFrames(images.name, { client: images.client }).all()
        await stream.ready()
        images.post(1)
        expect((await stream.next()).value?.uniqueId).toBe(1)

        // The network fails: the same frame is there when it is back, then two were missed.
        await images.server.close()
        const again = await PvaServer.open({ port, interfaces: ["127.0.0.1"], udp: false, env: {} })
        again.add(images.name, images.pv)
        await vi.waitFor(() => expect(images.pv.subscriberCount).toBe(1), patient)
        images.post(4)
        expect((await stream.next()).value?.uniqueId).toBe(4)
        expect(stream).toMatchObject({ received: 2, skipped: 2, restarts: 0 })

        // The IOC is started anew: no frame yet, and its numbers begin at 1.
        await again.close()
        const restarted = await PvaServer.open({ port, interfaces: ["127.0.0.1"], udp: false, env: {} })
        const fresh = new SharedPv(ntNdArray)
        restarted.add(images.name, fresh)
        await vi.waitFor(() => expect(fresh.subscriberCount).toBe(1), patient)
        fresh.post({
          value: { name: "ubyteValue", value: [7] },
          dimension: [{ size: 1 }],
          uniqueId: 1,
          dataTimeStamp: at(9000),
        } as never)
        expect(await ids(stream, 1)).toEqual([1])
        expect(stream).toMatchObject({ received: 3, skipped: 2, restarts: 1 })
        await restarted.close()
      } finally {
        await images[Symbol.asyncDispose]()
      }
    },
  )
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, "close")
  return port
}
