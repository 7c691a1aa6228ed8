/** How far an action is. `fraction` is the part done, 0 at the start and 1 at the end. */
export interface Progress {
  name?: string
  current?: number
  initial?: number
  target?: number
  unit?: string
  precision?: number
  fraction?: number
  /** Seconds. */
  timeElapsed?: number
  /** Seconds, estimated. */
  timeRemaining?: number
}

/** Adds what follows from what the action reported: fraction from positions, elapsed, and an estimate of the rest. */
export function completeProgress(partial: Progress, name: string, elapsed: number): Progress {
  const progress: Progress = { timeElapsed: elapsed, ...partial }
  if (name !== "" && progress.name === undefined) progress.name = name
  const fraction = progress.fraction ?? fractionOf(progress)
  if (fraction === undefined) return progress
  progress.fraction = Math.min(1, Math.max(0, fraction))
  if (progress.timeRemaining === undefined && progress.fraction > 0) {
    progress.timeRemaining = ((1 - progress.fraction) * (progress.timeElapsed ?? elapsed)) / progress.fraction
  }
  return progress
}

function fractionOf({ initial, current, target }: Progress): number | undefined {
  if (initial === undefined || current === undefined || target === undefined) return undefined
  return initial === target ? 1 : (current - initial) / (target - initial)
}
