import { channel } from "node:diagnostics_channel"

/**
 * What happens inside, for those who want to see it: subscribe with `node:diagnostics_channel`. Without a subscriber
 * publishing costs next to nothing.
 *
 * - `pvxs-node:connection` `{ endpoint, state: "connecting" | "ready" | "closed", reason? }`
 * - `pvxs-node:channel` `{ name, state, endpoint? }`
 * - `pvxs-node:search` `{ names, attempt }`
 * - `pvxs-node:problem` `{ where, error }`: something that is nobody's answer, such as a duplicate server
 */
export const diagnostics = {
  connection: channel("pvxs-node:connection"),
  channel: channel("pvxs-node:channel"),
  search: channel("pvxs-node:search"),
  problem: channel("pvxs-node:problem"),
} as const

/** Calls a listener of the user; what it throws becomes a process warning, and never reaches a socket. */
export function callUser(where: string, call: () => void): void {
  try {
    call()
  } catch (error) {
    diagnostics.problem.publish({ where, error })
    const cause = error instanceof Error ? error : new Error(String(error))
    process.emitWarning(
      `a listener for ${where} threw: ${cause.stack ?? cause.message}`,
      "PvaListenerWarning",
    )
  }
}
