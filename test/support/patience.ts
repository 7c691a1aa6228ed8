/** Loaded before every test file: what is waited for may take its time on a busy machine, not a second only. */
import { vi } from "vitest"

const { waitFor } = vi
vi.waitFor = (callback, options) =>
  waitFor(callback, typeof options === "number" ? options : { timeout: 10_000, ...options })
