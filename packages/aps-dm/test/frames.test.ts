import fc from "fast-check"
import { ndArray, ntNdArray, ntScalar, PvaServer, SharedPv } from "pvxs-node"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import { FrameStream } from "../src/index.ts"

async function serve() {
  const server = await PvaServer.open({ isolated: true })
  onTestFinished(() => server.close())
  const image = new SharedPv(ntNdArray)
  server.add("cam:image", image)
  let seconds = 1_700_000_000
  return {
    server,
    image,
    source: { pv: "cam:image", address: `127.0.0.1:${server.port}` },
    post(uniqueId: number): void {
      const time = { secondsPastEpoch: ++seconds, nanoseconds: 0, userTag: 0 }
      image.post(ndArray({ data: Uint8Array.of(uniqueId % 256), shape: [1], uniqueId, time }))
    },
  }
}

/** Numbers of the frames, until so many are received or missed. */
async function numbers(frames: FrameStream, all: number): Promise<number[]> {
  const seen: number[] = []
  for await (const { uniqueId } of frames) {
    seen.push(uniqueId)
    if (frames.received + frames.missed >= all) break
  }
  return seen
}

describe("a stream of frames", () => {
  it("begins with the frame after the one that the PV shows", async () => {
    const { source, post } = await serve()
    post(41)
    await using frames = await FrameStream.open(source)
    post(42)
    post(43)
    expect(await numbers(frames, 2)).toEqual([42, 43])
    expect(frames).toMatchObject({ received: 2, missed: 0, last: 43 })
  })

  it("gives every frame of a burst that fits the queue, in order", async () => {
    const { source, post } = await serve()
    await using frames = await FrameStream.open({ ...source, queue: 64 })
    for (let i = 1; i <= 60; i++) post(i)
    expect(await numbers(frames, 60)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1))
    expect(frames.missed).toBe(0)
  })

  it("counts what does not fit: received and missed are all that were sent", async () => {
    const { source, post } = await serve()
    await using frames = await FrameStream.open({ ...source, queue: 4 })
    for (let i = 1; i <= 500; i++) post(i)
    const seen = await numbers(frames, 500)
    expect(seen.length).toBeGreaterThan(3)
    expect(seen.length).toBeLessThan(500)
    expect(frames.received + frames.missed).toBe(500)
    expect(seen.at(-1)).toBe(500)
  })

  it("counts gaps, whatever they are, and goes on when the detector counts anew", async () => {
    const { source, post } = await serve()
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 20 }),
        async gaps => {
          post(1000)
          await using frames = await FrameStream.open({ ...source, queue: 64 })
          let number = 0
          for (const gap of gaps) {
            number += 1 + gap
            post(number)
          }
          expect(await numbers(frames, number)).toHaveLength(gaps.length)
          expect(frames).toMatchObject({ missed: number - gaps.length, last: number })
        },
      ),
      { numRuns: 20 },
    )
  })

  it("takes a frame of the same number for a new one when it was taken at another time", async () => {
    const { source, post, image } = await serve()
    post(1)
    await using frames = await FrameStream.open(source)
    image.post({ alarm: { message: "no new frame" } })
    post(1)
    post(2)
    expect(await numbers(frames, 2)).toEqual([1, 2])
    expect(frames.missed).toBe(0)
  })

  it("ends when it is told, and leaves no connection behind", async () => {
    const { server, source, post } = await serve()
    {
      await using frames = await FrameStream.open(source)
      post(1)
      for await (const frame of frames) if (frame.uniqueId === 1) frames.end()
    }
    await vi.waitFor(() => expect(server.clientCount).toBe(0))
  })

  it("names what is no image, what is not there, and why it was given up", async () => {
    const { server, source } = await serve()
    server.add("cam:number", SharedPv.mailbox(ntScalar("double"), { value: 1 }))
    const open = (pv: string, more = {}) => FrameStream.open({ ...source, pv, timeout: 0.3, ...more })
    await expect(open("cam:number")).rejects.toThrow(
      /no frames from cam:number at 127.0.0.1:\d+: it is no NTNDArray/,
    )
    await expect(open("cam:none")).rejects.toMatchObject({
      fault: "no-data",
      message: expect.stringContaining("no such PV"),
    })
    const reason = new Error("enough")
    await expect(open("cam:none", { timeout: 60, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})
