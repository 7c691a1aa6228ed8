/** Something that can be shut and opened; `passed` resolves as soon as it is open. */
export class Gate {
  passed: Promise<void> = Promise.resolve()
  #release: (() => void) | undefined

  shut(): void {
    if (this.#release !== undefined) return
    this.passed = new Promise(resolve => {
      this.#release = resolve
    })
  }

  open(): void {
    this.#release?.()
    this.#release = undefined
  }

  get isShut(): boolean {
    return this.#release !== undefined
  }
}

/** One turn of the event loop (sockets get to read in between), or at least `ms` milliseconds. */
export function pause(ms = 0): Promise<void> {
  return new Promise(resolve => {
    if (ms > 0) setTimeout(resolve, ms)
    else setImmediate(resolve)
  })
}
