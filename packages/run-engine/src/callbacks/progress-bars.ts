import type { Clock, Progress, Status } from "@ophyd-ts/core"
import { systemClock } from "@ophyd-ts/core"

export interface ProgressBarsOptions {
  /** Receives text with ANSI control sequences: `text => process.stderr.write(text)`. */
  write: (text: string) => void
  /** Columns of the terminal; default 80. */
  width?: () => number
  /** Seconds that a wait may take without a bar; default 0.2. */
  delay?: number
  clock?: Clock
}

interface Bar {
  readonly status: Status<unknown>
  progress: Progress | null
  unwatch: () => void
}

/**
 * A bar for each action a plan waits for, redrawn in place and wiped when the wait is over. It is the engine's waiting
 * hook: `new RunEngine({ hooks: { waiting: progressBars({ write }) } })`.
 */
export function progressBars(
  options: ProgressBarsOptions,
): (statuses: readonly Status<unknown>[] | null) => void {
  const { write, width = () => 80, delay = 0.2, clock = systemClock } = options
  let bars: Bar[] = []
  let drawn = 0
  let forget = () => {}

  const wipe = () => {
    if (drawn > 0) write(`\x1b[${drawn}A\x1b[J`)
    drawn = 0
  }
  const draw = () => {
    wipe()
    write(bars.map(bar => `${line(bar, width())}\n`).join(""))
    drawn = bars.length
    forget = clock.after(0.1, draw)
  }
  return statuses => {
    forget()
    wipe()
    for (const bar of bars) bar.unwatch()
    bars = (statuses ?? []).map(status => {
      const bar: Bar = { status, progress: null, unwatch: () => {} }
      bar.unwatch = status.watch(progress => {
        bar.progress = progress
      })
      return bar
    })
    forget = bars.length > 0 ? clock.after(delay, draw) : () => {}
  }
}

function line({ status, progress }: Bar, width: number): string {
  const name = status.description
  if (status.done) return `${name}: ${status.success ? "done" : "failed"}`.slice(0, width)
  const { fraction, current, unit = "", precision = 3, timeRemaining } = progress ?? {}
  const at = current === undefined ? "" : ` ${current.toFixed(precision)}${unit && ` ${unit}`}`
  const left = timeRemaining === undefined ? "" : ` ${timeRemaining.toFixed(0)} s left`
  if (fraction === undefined) return `${name}:${at}${left || " …"}`.slice(0, width)
  const text = `${name}:${at} ${String(Math.round(100 * fraction)).padStart(3)} %${left} `
  const room = Math.max(0, width - text.length - 2)
  const full = Math.round(room * Math.min(1, Math.max(0, fraction)))
  return room < 5 ? text.slice(0, width) : `${text}[${"█".repeat(full)}${"·".repeat(room - full)}]`
}
