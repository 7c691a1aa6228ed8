/**
 * What a handler returns when its result is not there yet and waiting for it can be given up: the engine waits, and
 * calls `cancel` when a pause, stop or abort comes first.
 */
export class Waiting<T = unknown> {
  readonly start: (resolve: (value: T) => void, reject: (error: unknown) => void) => () => void

  /** `start` begins the wait and returns what ends it early. */
  constructor(start: (resolve: (value: T) => void, reject: (error: unknown) => void) => () => void) {
    this.start = start
  }
}
