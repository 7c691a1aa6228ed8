import { type Clock, systemClock, toError } from "@ophyd-ts/core"
import { sleep } from "../time.ts"
import type { DmSpool, SendReport, SpoolTarget } from "./spool.ts"

export interface KeepSendingOptions {
  /** Seconds between looks at the spool, default 60. */
  period?: number
  /** Longest pause while DM is away, default 1800. */
  longestPause?: number
  /** Hears what was sent, kept and refused, whenever there was something to do. */
  onReport?: (report: SendReport) => void
  /** Hears trouble with the spool itself, for example of the disk. */
  onProblem?: (error: Error) => void
  clock?: Clock
}

/** Work in the background that sends what the spool holds. */
export interface SpoolSender extends AsyncDisposable {
  /** Looks now and not at the end of the pause. */
  wake(): void
  /** Ends it; resolves when nothing is under way any more. What waits stays in the spool. */
  stop(): Promise<void>
}

/** Sends what waits, again and again, until it is stopped; pauses grow while DM is away. */
export function keepSending(spool: DmSpool, dm: SpoolTarget, options: KeepSendingOptions = {}): SpoolSender {
  const { period = 60, longestPause = 1800, onReport, onProblem, clock = systemClock } = options
  const stopped = new AbortController()
  const { signal } = stopped
  let nap = new AbortController()
  const run = async () => {
    let pause = period
    while (!signal.aborted) {
      try {
        const report = await spool.send(dm, { signal })
        const { sent, waiting, refused } = report
        pause =
          waiting.length > 0 && sent.length === 0
            ? Math.min(pause * 2, Math.max(longestPause, period))
            : period
        if (sent.length + waiting.length + refused.length > 0) onReport?.(report)
      } catch (error) {
        if (signal.aborted) return
        onProblem?.(toError(error))
      }
      nap = new AbortController()
      await sleep(clock, pause, AbortSignal.any([signal, nap.signal])).catch(() => {})
    }
  }
  const running = run()
  const stop = async () => {
    stopped.abort(new Error("the sender was stopped"))
    await running
  }
  return { wake: () => nap.abort(new Error("woken")), stop, [Symbol.asyncDispose]: stop }
}
