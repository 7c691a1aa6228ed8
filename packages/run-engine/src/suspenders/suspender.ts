import type { Suspension } from "../engine/suspension.ts"

/** Watches something and keeps plans from going on while it is not as it should be. */
export interface Suspender {
  /** Begins to watch; calls `trip` each time a suspension begins. */
  install(trip: (suspension: Suspension) => void): void
  /** Ends watching and releases what waits. */
  remove(): void
  /** The present suspension, null when all is well. */
  readonly tripped: Suspension | null
}
