import { type Clock, systemClock } from "@ophyd-ts/core"
import type { NdArray } from "pvxs-node"
import { FrameStream } from "./frames.ts"
import type { FrameSource } from "./protocol.ts"
import { type FrameCounts, WorkflowSide, type WorkflowSideOptions } from "./workflow-side.ts"

/** What the work on a frame may do besides giving its results. */
export interface FrameControl {
  /** Aborted when the plan gives up. */
  readonly signal: AbortSignal
  /** That was enough: after this frame the work is finished, and the plan with it. */
  finish(): void
}

/** Numbers found in a frame, all frames the same ones; null for none. */
export type FrameWork = (
  frame: NdArray,
  control: FrameControl,
) => Readonly<Record<string, number>> | null | Promise<Readonly<Record<string, number>> | null>

export interface ConsumeOptions extends WorkflowSideOptions {
  readonly data: FrameSource
  /** Frames that may be on their way ahead of the work; default 64. */
  queue?: number
  /** Seconds to find the frame PV; default 10. */
  frameTimeout?: number
  /** After the plan's stop, when not all its frames have come: seconds without a frame until they count as missed; default 2. */
  quiet?: number
}

/**
 * All of a streaming workflow's process but the work itself: finds the plan, subscribes to the frames, reports ready,
 * works on each frame, sends what is found, and finishes when the plan says stop and its frames are done.
 * @throws whatever the work throws, which the plan is told; DmStreamError when the plan gives up or is away too long.
 */
export async function consumeFrames(options: ConsumeOptions, work: FrameWork): Promise<FrameCounts> {
  await using side = await WorkflowSide.open(options)
  try {
    await using frames = await FrameStream.open({
      ...options.data,
      ...(options.queue === undefined ? {} : { queue: options.queue }),
      ...(options.frameTimeout === undefined ? {} : { timeout: options.frameTimeout }),
      signal: side.signal,
    })
    await side.reportReady()
    const counts = await consume(side, frames, work, options)
    await side.finish()
    return counts
  } catch (thrown) {
    const error = side.signal.aborted ? side.signal.reason : thrown
    await side.fail(error)
    throw error
  }
}

async function consume(
  side: WorkflowSide,
  frames: FrameStream,
  work: FrameWork,
  { quiet = 2, clock = systemClock }: { quiet?: number; clock?: Clock },
): Promise<FrameCounts> {
  let processed = 0
  let stopTimer = () => {}
  let isEnough = false
  let isBusy = false
  const counts = (): FrameCounts => {
    const { received, missed, last } = frames
    return { received, missed, processed, lastFrame: last }
  }
  const isComplete = () => {
    const { command, frames: sent } = side.order
    return isEnough || (command === "stop" && sent !== null && frames.received + frames.missed >= sent)
  }
  // Frames may still be on their way when the plan says stop; while one is worked on, the server holds others back.
  const look = () => {
    stopTimer()
    if (isComplete()) frames.end()
    else if (side.order.command === "stop" && !isBusy) stopTimer = clock.after(quiet, () => frames.end())
  }
  const end = () => frames.end()
  const forget = side.onOrder(look)
  side.signal.addEventListener("abort", end, { once: true })
  look()
  const control = {
    signal: side.signal,
    finish: () => {
      isEnough = true
    },
  }
  try {
    for await (const frame of frames) {
      side.signal.throwIfAborted()
      stopTimer()
      isBusy = true
      side.count(counts())
      const found = await work(frame, control)
      processed += 1
      side.count(counts())
      if (found !== null) {
        const sent = side.result(frame.uniqueId, found)
        // The plan takes results more slowly than they are found: so frames wait, too.
        if (processed % 1000 === 0) await sent
      }
      isBusy = false
      look()
      if (isEnough) break
    }
    side.signal.throwIfAborted()
    // What never came although it was sent was missed, too.
    const { frames: sent } = side.order
    const all = counts()
    const last =
      isEnough || sent === null ? all : { ...all, missed: Math.max(all.missed, sent - all.received) }
    side.count(last)
    return last
  } finally {
    stopTimer()
    forget()
    side.signal.removeEventListener("abort", end)
  }
}
