/** The program's surroundings. */
export interface Terminal {
  out: (text: string) => void
  err: (text: string) => void
  /** Whether `err` is a terminal, on which a line can be written anew. */
  tty: boolean
  /** Width of that terminal, in characters. */
  columns?: number | undefined
  environment: Readonly<Record<string, string | undefined>>
  /** Aborted by Ctrl-C. */
  interrupt: AbortSignal
}

/** A command line that says nothing that can be done. The message is for the operator. */
export class UsageError extends Error {
  override name = "UsageError"
}
