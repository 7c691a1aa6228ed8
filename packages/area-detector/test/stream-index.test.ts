import fc from "fast-check"
import { expect, test } from "vitest"
import { StreamIndex } from "../src/detector/stream-index.ts"

test("indices are given once, in order, and each for m frames of the file", () => {
  const step = fc.oneof(fc.record({ take: fc.nat({ max: 5 }) }), fc.record({ more: fc.nat({ max: 7 }) }))
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step), (m, steps) => {
      const index = new StreamIndex()
      index.framesPerEvent("det", m)
      let frames = 0
      let taken = 0
      for (const one of steps) {
        if ("more" in one) {
          frames += one.more
          index.captured(frames)
          expect(index.events).toBe(Math.floor(frames / m))
        } else {
          for (const { start, stop } of index.take(taken + one.take)) {
            expect(start).toBe(taken)
            expect(stop).toBeGreaterThan(start)
            taken = stop
          }
          expect(taken).toBeLessThanOrEqual(Math.floor(frames / m))
        }
      }
      index.take(Number.POSITIVE_INFINITY)
      expect(index.take(Number.POSITIVE_INFINITY)).toEqual([])
    }),
  )
})

test("frames of an acquisition that was broken off are passed over", () => {
  const index = new StreamIndex()
  index.captured(2)
  index.skipTo("det", 3)
  index.captured(5)
  expect(index.events).toBe(4)
  expect(index.take(10)).toEqual([
    { start: 0, stop: 2 },
    { start: 3, stop: 5 },
  ])
})

test("a part of an event that was left in the file ends the run, for the rest could not be found", () => {
  const index = new StreamIndex()
  index.framesPerEvent("det", 3)
  index.captured(3)
  expect(() => index.skipTo("det", 4)).toThrow(expect.objectContaining({ code: "WRONG_FRAME_COUNT" }))
})

test("another number of frames per event needs another file", () => {
  const index = new StreamIndex()
  index.framesPerEvent("det", 2)
  index.captured(2)
  index.take(1)
  expect(() => index.framesPerEvent("det", 1)).toThrow(expect.objectContaining({ code: "WRONG_FRAME_COUNT" }))
})
