import { type SignalR, until, WaitTimeoutError } from "@ophyd-ts/core"
import { Positioner, type PositionerOptions } from "./positioner.ts"

export interface PVPositionerOptions extends PositionerOptions {
  /**
   * Seconds that the done signal has to show that a move began; default 1. An axis that still says done after that is
   * taken to be there already.
   */
  startTimeout?: number | undefined
}

/**
 * An axis with a signal that says when a move is over.
 *
 * ```ts
 * class Undulator extends PVPositioner {
 *   readonly setpoint = this.signal.rw(double, "EnergySet")
 *   override readonly readback = this.signal.r(double, "Energy", { kind: "hinted", as: "" })
 *   override readonly actuate = this.signal.x(boolean, "Start", true, { kind: "omitted" })
 *   override readonly stopCommand = this.signal.x(boolean, "Stop", true, { kind: "omitted", completion: false })
 *   readonly done = this.signal.r(choice("Moving", "Done"), "Busy", { kind: "omitted" })
 *   override readonly doneValue = "Done"
 * }
 * ```
 */
export abstract class PVPositioner extends Positioner {
  abstract readonly done: SignalR<unknown>
  /** What `done` shows when the axis rests; default true (or 1). */
  readonly doneValue: unknown = true
  readonly startTimeout: number

  constructor(prefix: string, options: PVPositionerOptions = {}) {
    super(prefix, options)
    this.startTimeout = options.startTimeout ?? 1
  }

  protected async travel(target: number, signal: AbortSignal): Promise<void> {
    // Watched from before the write, so that a short pulse is seen.
    const busy = until(this.done, value => !this.#isDone(value), { signal })
    try {
      await this.begin(target, false, signal)
      await busy.wait({ timeout: this.startTimeout })
    } catch (error) {
      if (!(error instanceof WaitTimeoutError)) throw error
    } finally {
      busy.cancel()
    }
    await this.resting(signal)
  }

  protected override resting(signal: AbortSignal): PromiseLike<unknown> {
    return until(this.done, value => this.#isDone(value), { signal })
  }

  #isDone(value: unknown): boolean {
    return value === this.doneValue || (this.doneValue === true && value === 1)
  }
}

/** An axis whose put completion is the end of the move: of `actuate` if there is one, else of the setpoint. */
export abstract class PVPositionerPC extends Positioner {
  protected travel(target: number, signal: AbortSignal): Promise<void> {
    return this.begin(target, true, signal)
  }
}

/** An axis that has arrived when a comparison of read-back and target says so. */
export abstract class PVPositionerComparator extends Positioner {
  /** Whether this read-back counts as arrived at the target. */
  protected abstract isThere(readback: number, target: number): boolean

  protected async travel(target: number, signal: AbortSignal): Promise<void> {
    await this.begin(target, false, signal)
    await until(this.position, readback => this.isThere(readback, target), { signal })
  }
}

export interface IsCloseOptions extends PositionerOptions {
  /** In the axis' units; default 0. */
  absoluteTolerance?: number | undefined
  /** As a part of the target; default 0. With neither given: the read-back's last digit. */
  relativeTolerance?: number | undefined
}

/** An axis that has arrived when its read-back is near the target. */
export abstract class PVPositionerIsClose extends PVPositionerComparator {
  readonly absoluteTolerance: number | undefined
  readonly relativeTolerance: number | undefined

  constructor(prefix: string, options: IsCloseOptions = {}) {
    super(prefix, options)
    this.absoluteTolerance = options.absoluteTolerance
    this.relativeTolerance = options.relativeTolerance
  }

  protected isThere(readback: number, target: number): boolean {
    const { absoluteTolerance: absolute, relativeTolerance: relative } = this
    const { precision } = this.position.metadata
    const digit = precision === undefined ? 0 : 10 ** -precision
    const tolerance =
      absolute === undefined && relative === undefined
        ? digit
        : (absolute ?? 0) + (relative ?? 0) * Math.abs(target)
    return Math.abs(readback - target) <= tolerance
  }
}

/** An axis that is taken to be there as soon as the target is written. */
export abstract class PVPositionerDone extends Positioner {
  protected travel(target: number, signal: AbortSignal): Promise<void> {
    return this.begin(target, false, signal)
  }
}
