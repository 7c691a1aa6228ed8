import { TransitionError } from "../errors.ts"

export type EngineState =
  | "idle"
  | "running"
  | "pausing"
  | "paused"
  | "suspending"
  | "stopping"
  | "aborting"
  | "halting"

const mayFollow: Record<EngineState, readonly EngineState[]> = {
  idle: ["running"],
  running: ["idle", "pausing", "suspending", "stopping", "aborting", "halting"],
  pausing: ["paused", "idle", "stopping", "aborting", "halting"],
  paused: ["running", "idle", "stopping", "aborting", "halting"],
  suspending: ["running", "stopping", "aborting", "halting"],
  // A second, stronger interruption while finalisers run changes only how the run ends.
  stopping: ["idle", "aborting", "halting"],
  aborting: ["idle", "halting"],
  halting: ["idle"],
}

export class StateMachine {
  #state: EngineState = "idle"
  readonly #changed: (now: EngineState, before: EngineState) => void

  constructor(changed: (now: EngineState, before: EngineState) => void) {
    this.#changed = changed
  }

  get state(): EngineState {
    return this.#state
  }

  can(next: EngineState): boolean {
    return mayFollow[this.#state].includes(next)
  }

  to(next: EngineState): void {
    const before = this.#state
    if (before === next) return
    if (!this.can(next)) throw new TransitionError(`the RunEngine is ${before}, it cannot become ${next}`)
    this.#state = next
    this.#changed(next, before)
  }
}
