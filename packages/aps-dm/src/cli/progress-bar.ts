import { oneLine } from "../jobs/table.ts"
import type { Terminal } from "./terminal.ts"

const width = 30

/** How far something is: a bar that is written anew on a terminal, and elsewhere a line for each change of the text. */
export class ProgressBar implements Disposable {
  readonly #terminal: Terminal
  #last = ""

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  show(fraction: number, given: string): void {
    const text = oneLine(given)
    if (text === this.#last) return
    this.#last = text
    const { tty, err } = this.#terminal
    err(tty ? `\r\u001b[K${bar(fraction)} ${text}` : `${text}\n`)
  }

  /** Leaves the bar where it is and begins a new line. */
  [Symbol.dispose](): void {
    if (this.#terminal.tty && this.#last !== "") this.#terminal.err("\n")
    this.#last = ""
  }
}

export function bar(fraction: number): string {
  const done = Math.round(width * Math.min(1, Math.max(0, fraction)))
  return `[${"#".repeat(done)}${".".repeat(width - done)}]`
}
