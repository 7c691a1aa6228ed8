import { describe, expect, it } from "vitest"
import { FrameSequence } from "../../src/images/index.ts"
import { at, frameOf } from "./support.ts"

const frame = (uniqueId: number, time: number) =>
  frameOf({ data: new Uint8Array(1), uniqueId, dataTimeStamp: at(time), timeStamp: at(time) })

/** What is counted after frames of these numbers, taken one second after the other. */
function count(...ids: number[]): Pick<FrameSequence, "received" | "skipped" | "restarts"> {
  const sequence = new FrameSequence()
  ids.forEach((id, i) => {
    sequence.next(frame(id, i))
  })
  const { received, skipped, restarts } = sequence
  return { received, skipped, restarts }
}

describe("the numbers of frames", () => {
  it.each([
    ["in a row", [1, 2, 3], { skipped: 0, restarts: 0 }],
    ["from anywhere", [100, 101], { skipped: 0, restarts: 0 }],
    ["with gaps", [1, 3, 7], { skipped: 4, restarts: 0 }],
    ["of an IOC that was started again", [5, 6, 1, 2], { skipped: 0, restarts: 1 }],
    ["with gaps on both sides of a restart", [5, 8, 1, 3], { skipped: 3, restarts: 1 }],
    [
      "that wrap to the lowest",
      [2 ** 31 - 2, 2 ** 31 - 1, -(2 ** 31), -(2 ** 31) + 1],
      { skipped: 0, restarts: 0 },
    ],
    ["with a gap over the wrap", [2 ** 31 - 1, -(2 ** 31) + 2], { skipped: 2, restarts: 0 }],
    ["that wrap to 0", [2 ** 31 - 1, 0, 1], { skipped: 0, restarts: 1 }],
    ["of a detector that does not count", [0, 0, 0], { skipped: 0, restarts: 0 }],
  ])("%s: what was missed is counted, and no more", (_, ids, expected) => {
    expect(count(...ids)).toEqual({ received: ids.length, ...expected })
  })

  it("in another order than the frames were taken: the late one was not missed", () => {
    const sequence = new FrameSequence()
    for (const [id, time] of [
      [1, 1],
      [3, 3],
      [2, 2],
      [4, 4],
    ] as const)
      expect(sequence.next(frame(id, time))).toBe(true)
    expect(sequence).toMatchObject({ received: 4, skipped: 0, restarts: 0 })
  })

  it("that fall far back are of a counter that starts anew, whatever the camera's clock says", () => {
    const sequence = new FrameSequence()
    for (const [id, time] of [
      [500, 50],
      [1, 0.1],
      [3, 0.3],
    ] as const)
      sequence.next(frame(id, time))
    expect(sequence).toMatchObject({ received: 3, skipped: 1, restarts: 1 })
  })

  it("know the frame before the reconnect, and only then", () => {
    const sequence = new FrameSequence()
    expect(sequence.next(frame(1, 1), true)).toBe(true)
    expect(sequence.next(frame(1, 1), true)).toBe(false)
    // Another one with this number: taken at another time, or not after a reconnect.
    expect(sequence.next(frame(1, 2), true)).toBe(true)
    expect(sequence.next(frame(1, 2))).toBe(true)
    expect(sequence.received).toBe(3)
  })

  it("count from the frame that was there before", () => {
    const sequence = new FrameSequence()
    sequence.begin(frame(5, 0))
    sequence.next(frame(8, 1))
    expect(sequence).toMatchObject({ received: 1, skipped: 2 })
  })
})
