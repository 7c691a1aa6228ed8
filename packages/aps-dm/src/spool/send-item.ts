import type { Clock } from "@ophyd-ts/core"
import { isAway } from "../away.ts"
import { DmError, ObjectAlreadyExists } from "../errors.ts"
import { findJob, submitJob } from "../jobs/submit-job.ts"
import { CannotTell } from "../jobs/submit-once.ts"
import { submitUpload } from "../transfers/submit-upload.ts"
import type { SpoolTarget } from "./spool.ts"
import type { SpoolItem } from "./spool-item.ts"

/** What came of sending an item. */
export type SendResult =
  | { readonly end: "sent" }
  | { readonly end: "away"; readonly message: string }
  | { readonly end: "refused"; readonly message: string }

interface SendOptions {
  readonly clock: Clock
  readonly signal: AbortSignal | undefined
}

/** Sends one item; what DM has already counts as sent. @throws the signal's reason, and what is no error of DM. */
export async function sendItem(dm: SpoolTarget, item: SpoolItem, options: SendOptions): Promise<SendResult> {
  try {
    await send(dm, item, options)
    return { end: "sent" }
  } catch (error) {
    if (options.signal?.aborted) throw error
    if (error instanceof ObjectAlreadyExists) return { end: "sent" }
    if (isAway(error)) return { end: "away", message: (error as Error).message }
    if (error instanceof DmError || error instanceof CannotTell)
      return { end: "refused", message: error.message }
    throw error
  }
}

async function send(dm: SpoolTarget, item: SpoolItem, { clock, signal }: SendOptions): Promise<void> {
  switch (item.kind) {
    case "dataset":
      await dm.cat.addExperimentDataset(item.dataset, { signal })
      return
    case "job": {
      const { jobOwner, tag, args } = item
      // It may have been started by the plan, or by a sender that died before it could say so.
      const started = await findJob(dm.proc, jobOwner, { key: tag, value: args[tag] }, signal)
      if (started === null) await submitJob(dm.proc, { ...item, clock, signal })
      return
    }
    case "upload":
      await submitUpload(dm, { ...item, daqInfo: item.taskInfo }, { clock, signal })
      return
  }
}
