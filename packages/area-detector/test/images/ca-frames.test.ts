import { CaClient, CaServer, type PvType, ServerPv } from "node-epics-ca"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { CaFrames, type Frame, type pixelTypes } from "../../src/images/index.ts"

const patient = { timeout: 20_000 }

/** The PVs of a StdArrays plugin, each posted when the test says so. */
class StdArrays implements AsyncDisposable {
  readonly prefix = `t${Math.random().toString(36).slice(2, 8)}:image1:`
  readonly pvs = new Map<string, ServerPv>()
  server!: CaServer
  client!: CaClient

  static async open(type: PvType = "short", room = 100): Promise<StdArrays> {
    const plugin = new StdArrays()
    plugin.server = await CaServer.listen()
    plugin.start(type, room)
    plugin.client = new CaClient({ ...plugin.server.clientConfig(), timeout: 20 })
    return plugin
  }

  /** Its IOC dies; the function brings it back on the same port, without a frame. */
  async kill(): Promise<() => Promise<void>> {
    const { port } = this.server
    await this.server.close()
    return async () => {
      this.server = await CaServer.listen({ port })
      this.start("short", 100)
    }
  }

  start(type: PvType, room: number): void {
    const add = (name: string, pv: unknown): void => {
      this.pvs.set(name, pv as ServerPv)
      this.server.add(pv as ServerPv)
    }
    const { prefix } = this
    add("ArrayData", new ServerPv(`${prefix}ArrayData`, { type, value: [], maxCount: room } as never))
    for (const name of ["UniqueId", "ArrayCounter", "NDimensions", "ColorMode", "DataType"]) {
      add(name, new ServerPv(`${prefix}${name}_RBV`, { type: "long", value: 0 }))
    }
    add("Dimensions", new ServerPv(`${prefix}Dimensions_RBV`, { type: "long", value: new Int32Array(10) }))
    add("TimeStamp", new ServerPv(`${prefix}TimeStamp_RBV`, { type: "double", value: 0 }))
  }

  get frames(): CaFrames {
    return new CaFrames(this.prefix, { client: this.client, settle: 0.3 })
  }

  post(name: string, value: unknown): void {
    this.pvs.get(name)!.post(value as never)
  }

  /** As the plugin does it: pixels first, then what describes them. */
  frame(id: number, shape: readonly number[], pixels: ArrayLike<number> = new Int16Array(0)): void {
    const size = shape.reduce((a, b) => a * b)
    this.post("ArrayData", pixels.length > 0 ? pixels : new Int16Array(size).fill(id))
    this.describe(id, shape)
  }

  describe(id: number, shape: readonly number[]): void {
    this.post("NDimensions", shape.length)
    this.post(
      "Dimensions",
      Int32Array.from({ length: 10 }, (_, i) => shape.toReversed()[i] ?? 0),
    )
    this.post("TimeStamp", 1000 + id)
    this.post("ArrayCounter", id)
    this.post("UniqueId", id)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close()
    await this.server.close()
  }
}

describe("frames over Channel Access", () => {
  let plugin: StdArrays
  let frames: CaFrames
  beforeEach(async () => {
    plugin = await StdArrays.open()
    plugin.post("DataType", 2)
    frames = plugin.frames
  })
  afterEach(() => plugin[Symbol.asyncDispose]())

  it("are read with shape, number and times, without the room that they leave free", async () => {
    await expect(frames.get()).rejects.toMatchObject({ code: "IMAGE_NONE" })
    plugin.frame(7, [2, 3])
    const frame = await frames.get()
    expect(frame).toMatchObject({
      source: `ca://${plugin.prefix}ArrayData`,
      shape: [2, 3],
      dtype: "int16",
      uniqueId: 7,
      colorMode: "Mono",
      time: 1007 + 631_152_000,
    })
    expect(frame.data).toEqual(new Int16Array(6).fill(7))
  })

  it("in colour have their axis where the mode says", async () => {
    plugin.post("ColorMode", 3)
    plugin.frame(1, [2, 3, 4])
    expect(await frames.get()).toMatchObject({
      colorMode: "RGB2",
      shape: [2, 3, 4],
      colorAxis: 1,
      width: 4,
      height: 2,
    })
  })

  it("are waited for while pixels and dimensions differ, and refused when they go on to", async () => {
    plugin.frame(1, [2, 3])
    plugin.post("ArrayData", new Int16Array(8))
    await expect(frames.get()).rejects.toMatchObject({
      code: "IMAGE_SIZE",
      message: expect.stringMatching(/frame 1 has 8 pixels, its dimensions 2 × 3 say 6/),
    })
    const frame = frames.get()
    plugin.describe(2, [2, 4])
    expect(await frame).toMatchObject({ shape: [2, 4], uniqueId: 2 })
  })

  it("come newest first, and never with the dimensions of another", async () => {
    const stream = frames.latest()
    await stream.ready()
    plugin.frame(1, [2, 3])
    expect((await stream.next()).value).toMatchObject({ shape: [2, 3], uniqueId: 1 })
    // The pixels of the next frame are there before its dimensions.
    plugin.post("ArrayData", new Int16Array(8).fill(2))
    const next = stream.next()
    await new Promise(resolve => setImmediate(resolve))
    plugin.describe(2, [4, 2])
    expect((await next).value).toMatchObject({ shape: [4, 2], uniqueId: 2 })
    // Same size, and the number comes last: the frame waits for it.
    plugin.post("ArrayData", new Int16Array(8).fill(3))
    const third = stream.next()
    await new Promise(resolve => setImmediate(resolve))
    plugin.describe(3, [4, 2])
    const { value } = await third
    expect(value).toMatchObject({ uniqueId: 3 })
    expect(value?.data[0]).toBe(3)
    stream.close()
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })

  it("that a slow reader missed are counted", async () => {
    plugin.frame(1, [2, 3])
    const stream = frames.latest()
    expect((await stream.next()).value?.uniqueId).toBe(1)
    for (let id = 2; id <= 20; id++) plugin.frame(id, [2, 3])
    await vi.waitFor(async () => expect((await stream.next()).value?.uniqueId).toBe(20), patient)
    expect(stream.received + stream.skipped).toBe(20)
    stream.close()
  })

  it("that stay out of step are reported, and the next good one goes on", async () => {
    const codes: string[] = []
    const stream = frames.latest({ onBadFrame: error => codes.push(error.code) })
    await stream.ready()
    plugin.frame(1, [2, 3], new Int16Array(7))
    const next = stream.next()
    await vi.waitFor(() => expect(codes).toEqual(["IMAGE_SIZE"]), patient)
    plugin.frame(2, [2, 3])
    expect((await next).value?.uniqueId).toBe(2)
    stream.close()
  })

  it("can be waited for, until a time or the caller's word", async () => {
    plugin.frame(1, [2, 3])
    const next = frames.next()
    // The answer to a read comes after the subscription's first update, which is the frame that was there.
    await plugin.client.get(`${plugin.prefix}ArrayData`)
    plugin.frame(2, [2, 3])
    expect((await next).uniqueId).toBe(2)
    await expect(frames.next({ timeout: 0.05 })).rejects.toMatchObject({ code: "IMAGE_TIMEOUT" })
    const abort = new AbortController()
    const waiting = frames.next({ signal: abort.signal })
    abort.abort(new Error("enough"))
    await expect(waiting).rejects.toMatchObject({ code: "IMAGE_ABORTED" })
    await expect(frames.get({ signal: abort.signal })).rejects.toMatchObject({ code: "IMAGE_ABORTED" })
    const nowhere = new CaFrames("nobody:", { client: plugin.client })
    await expect(nowhere.get({ timeout: 0.05 })).rejects.toMatchObject({ code: "IMAGE_TIMEOUT" })
  })

  it("go on when the IOC is back, with numbers that start anew", patient, async () => {
    plugin.frame(800, [2, 3])
    const stream = frames.latest()
    expect((await stream.next()).value?.uniqueId).toBe(800)
    const next = stream.next()
    const revive = await plugin.kill()
    await revive()
    // The subscription to the new one is there before the answer to a read.
    await vi.waitFor(() => plugin.client.get(`${plugin.prefix}ArrayData`), patient)
    plugin.frame(1, [3, 2])
    expect((await next).value).toMatchObject({ uniqueId: 1, shape: [3, 2] })
    expect(stream).toMatchObject({ received: 2, skipped: 0, restarts: 1 })
    stream.close()
  })

  it("are not asked for over pvAccess", () => {
    expect(() => new CaFrames("pva://x")).toThrow(expect.objectContaining({ code: "IMAGE_INPUT" }))
  })
})

describe("pixels that Channel Access has no type for", () => {
  const cases: [PvType, number, keyof typeof pixelTypes, number[]][] = [
    ["char", 0, "int8", [200, 1]],
    ["char", 1, "uint8", [200, 1]],
    ["short", 2, "int16", [-2, 1]],
    ["long", 3, "uint16", [60_000, 1]],
    ["long", 4, "int32", [-60_000, 1]],
    ["double", 5, "uint32", [4_000_000_000, 1]],
    ["double", 6, "float64", [-5, 1]],
    ["float", 8, "float32", [0.5, 1]],
    ["double", 9, "float64", [0.1, 1]],
    // A waveform of another type than the detector's: what it holds is what there is.
    ["char", 3, "uint8", [200, 1]],
  ]
  it.each(cases)("come as %s of data type %i and are %s again", async (type, dataType, dtype, values) => {
    await using plugin = await StdArrays.open(type)
    plugin.post("DataType", dataType)
    plugin.frame(1, [1, 2], values)
    const frame: Frame = await plugin.frames.get()
    expect(frame.dtype).toBe(dtype)
    const expected = dtype === "int8" ? values.map(v => (v << 24) >> 24) : values
    expect([...frame.data].map(v => Number(v))).toEqual(
      expected.map(v => (dtype === "float32" ? Math.fround(v) : v)),
    )
  })
})
