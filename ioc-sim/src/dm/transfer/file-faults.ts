import { wildcard } from "../wildcard.ts"

/** Files that DAQs and uploads cannot transfer. */
export interface FileFault {
  /** Path relative to the source directory, with wildcards. */
  readonly file: string
  /** How many attempts of a file fail; `Infinity` for all. Default 1. */
  readonly times?: number
  /** Default `Input/output error`. */
  readonly message?: string
}

interface Armed {
  readonly fits: (path: string) => boolean
  readonly fault: FileFault
  /** Attempts by path. */
  readonly struck: Map<string, number>
}

const maxFaults = 1_000

/** The faults that wait for a file. */
export class FileFaults {
  readonly #armed: Armed[] = []

  add(fault: FileFault): void {
    if (this.#armed.length >= maxFaults) this.#armed.shift()
    this.#armed.push({ fault, fits: wildcard(fault.file), struck: new Map() })
  }

  clear(): void {
    this.#armed.length = 0
  }

  /** Called for each attempt. @throws Error when it is to fail. */
  strike(path: string): void {
    for (const { fault, fits, struck } of this.#armed) {
      if (!fits(path)) continue
      const attempts = (struck.get(path) ?? 0) + 1
      if (attempts > (fault.times ?? 1)) continue
      struck.set(path, attempts)
      throw new Error(fault.message ?? "Input/output error")
    }
  }
}
