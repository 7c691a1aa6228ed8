import { oneLine } from "../jobs/table.ts"
import type { Terminal } from "./terminal.ts"

const width = 30

/** How far something is: a bar that is written anew on a terminal, and elsewhere a line for each change of the text. */
export class ProgressBar implements Disposable {
  readonly #terminal: Terminal
  #last = ""
  #ended = false

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  show(fraction: number, given: string): void {
    const text = oneLine(given)
    if (this.#ended || text === this.#last) return
    this.#last = text
    const { tty, err, columns = Number.POSITIVE_INFINITY } = this.#terminal
    const line = `${bar(fraction)} ${text}`
    // What needs a second line could not be written anew.
    const fitting = line.length < columns ? line : text.slice(0, columns - 1)
    err(tty ? `\r\u001b[K${fitting}` : `${text}\n`)
  }

  /** Leaves the bar where it is, for good, and begins a new line. */
  [Symbol.dispose](): void {
    if (this.#terminal.tty && this.#last !== "") this.#terminal.err("\n")
    this.#last = ""
    this.#ended = true
  }
}

export function bar(fraction: number): string {
  const done = Math.round(width * Math.min(1, Math.max(0, fraction)))
  return `[${"#".repeat(done)}${".".repeat(width - done)}]`
}
