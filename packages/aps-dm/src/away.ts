import { CommunicationError, DmError, DmWaitTimeout } from "./errors.ts"

/**
 * What becomes of work for DM when DM is away. `fail`: the plan gets the error. `warn`: the plan goes on, the work is
 * not done. `spool`: the plan goes on, the work is kept on disk and done later.
 */
export type WhenAway = "fail" | "warn" | "spool"

const troubles: ReadonlySet<string> = new Set([
  "CommunicationError",
  // After a new login, which the service has granted.
  "InvalidSession",
  "InternalError",
  "DbError",
  "TimeoutError",
])

/**
 * Whether an error tells of trouble with the service and not with the request: the same request may be good later.
 * Looks at the causes, too.
 */
export function isAway(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth += 1) {
    if (at instanceof CommunicationError) return true
    if (at instanceof DmError && !(at instanceof DmWaitTimeout) && troubles.has(at.code)) return true
  }
  return false
}
