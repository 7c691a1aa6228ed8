/** States of jobs, stages, DAQs and uploads. Facts page "APS Data Management", sections 5.2 and 7.2. */

/** States that DM leaves again. A text that nobody knows is treated as one of these. */
export const activeStates = ["pending", "running", "finalizing", "aborting"] as const
/** States that DM does not leave. Only `done` is good. */
export const terminalStates = ["done", "failed", "skipped", "aborted"] as const

export type DmTerminalState = (typeof terminalStates)[number]

/** What a connector shows although DM never says it. */
export const localStates = {
  /** Before the first start. */
  notRun: "not_run",
  /** Waits for the end of another job of its workflow. */
  queued: "queued",
  /** Submitted, not answered yet. */
  starting: "starting",
  /** DM did not take the job. */
  refused: "refused",
  /** The key is missing in DM's answer. */
  notAvailable: "-n/a-",
} as const

export const isTerminal = (status: string): status is DmTerminalState =>
  (terminalStates as readonly string[]).includes(status)

/** Still going on, also when the text is unknown: never take that for an end. */
export const isActive = (status: string): boolean => !isTerminal(status)

/** DM's own notion of an active DAQ or upload, used to find one by experiment and directory. */
export const isTransferActive = (status: string): boolean => status === "pending" || status === "running"

/** An upload that is being aborted transfers nothing any more, so waiting for it ends there already. */
export const isUploadEnded = (status: string): boolean => isTerminal(status) || status === "aborting"
