import { readFile } from "node:fs/promises"
import { type Frame, framePng, PvaFrames } from "@ophyd-ts/area-detector"
import { double, string } from "@ophyd-ts/core"
import { type ColorMode, colorModes } from "pvxs-node"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { P4pServer } from "./p4p-server.ts"
import { peers } from "./peers.ts"

describe.skipIf(!peers().p4p)("images of a p4p server", () => {
  const name = `t${Math.random().toString(36).slice(2, 8)}:Image`
  let server: P4pServer
  let frames: PvaFrames
  let id = 0

  beforeAll(async () => {
    const script = await readFile(new URL("./python/image_server.py", import.meta.url), "utf8")
    server = await P4pServer.start(script, name)
    frames = new PvaFrames(name, { client: server.client })
  })
  afterAll(() => server?.[Symbol.asyncDispose]())

  /** Posts a frame; gives its pixels as they are in memory there. */
  async function post(dtype: string, shape: readonly number[], colorMode?: ColorMode): Promise<Buffer> {
    id += 1
    server.script.send({
      dtype,
      shape,
      id,
      ...(colorMode === undefined ? {} : { colorMode: colorModes.indexOf(colorMode) }),
    })
    const { pixels } = (await server.script.next()) as { pixels: string }
    return Buffer.from(pixels, "base64")
  }

  const bytes = ({ data }: Frame): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength)

  it.each(["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"])(
    "of %s are the same pixels, in rows and columns as numpy has them",
    async dtype => {
      const pixels = await post(dtype, [5, 7])
      const frame = await frames.get()
      expect(frame).toMatchObject({
        dtype,
        shape: [5, 7],
        width: 7,
        height: 5,
        colorMode: "Mono",
        uniqueId: id,
      })
      expect(bytes(frame).equals(pixels)).toBe(true)
      expect(frame.dtypeNumpy?.slice(1)).toBe(`${dtype[0]}${frame.data.BYTES_PER_ELEMENT}`)
    },
  )

  it.each([
    ["RGB1", [5, 7, 3], 2],
    ["RGB2", [5, 3, 7], 1],
    ["RGB3", [3, 5, 7], 0],
  ] as const)("of mode %s have their colours where p4p puts them", async (colorMode, shape, colorAxis) => {
    // p4p itself tells the mode by the axis of three.
    const pixels = await post("uint8", shape)
    const frame = await frames.get()
    expect(frame).toMatchObject({ colorMode, shape, colorAxis, width: 7, height: 5 })
    expect(bytes(frame).equals(pixels)).toBe(true)
    expect((await framePng(frame)).subarray(1, 4)).toEqual(new TextEncoder().encode("PNG"))
  })

  it("of other modes are taken at their word", async () => {
    for (const colorMode of ["Bayer", "YUV444", "YUV422", "YUV421"] as const) {
      await post("uint8", [6, 8], colorMode)
      expect(await frames.get()).toMatchObject({ colorMode, shape: [6, 8], colorAxis: null })
    }
  })

  it("come with their times and attributes", async () => {
    await post("uint8", [2, 3])
    const frame = await frames.get()
    expect(frame.time).toBe(1_600_000_000.5 + id)
    expect(frame.timeStamp).toMatchObject({ secondsPastEpoch: 1_700_000_000, nanoseconds: 250_000_000 })
    expect(frame.attribute("Gain", double)).toBe(2.5)
    expect(frame.attribute("Sample", string)).toBe("Grüße")
    expect(Number(frame.attribute("Count"))).toBe(7)
  })

  it("come all, through pvxs' pipeline, and what its queue could not hold is counted", async () => {
    await post("uint8", [2, 3])
    const stream = frames.all({ queue: 8 })
    await stream.ready()
    const first = id + 1
    server.script.send({ flood: 300, first })
    const ids: number[] = []
    for await (const frame of stream) {
      ids.push(frame.uniqueId)
      expect(frame.shape).toEqual([64, 64])
      if (frame.uniqueId === id + 300) break
    }
    await server.script.next()
    expect(ids).toEqual([...ids].sort((a, b) => a - b))
    expect(stream.received).toBe(ids.length)
    expect(stream.received + stream.skipped).toBe(300)
    expect(ids.length).toBeGreaterThan(20)
  })
})
