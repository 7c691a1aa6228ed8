import type { CaClientConfig } from "../client/config.ts"

/** Where a command writes to, and what surrounds it. Tests give their own. */
export interface CliIo {
  /** A line of standard output. */
  out(line: string): void
  /** A line of standard error. */
  err(line: string): void
  /** Fires when the user wants to end it (Ctrl-C). */
  readonly stop: AbortSignal
  /** Wins over the environment; for tests. */
  readonly config?: CaClientConfig
}

/** The command line was wrong: the text says how, and the exit code is 2. */
export class UsageError extends Error {}

export const EXIT = { ok: 0, failed: 1, usage: 2 } as const
