import { vi } from "vitest"

/** Waits until `check` no longer throws: at once where nothing else runs, long where the machine is busy. */
export const until = <T>(check: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(check, { timeout: 15_000, interval: 10 })
