import { StatusTimeoutError } from "@ophyd-ts/core"
import { bps, type Plan } from "@ophyd-ts/run-engine"
import { type DmError, DmWaitTimeout } from "../errors.ts"
import {
  type ExpectedFiles,
  type StartUploadOptions,
  startUpload,
  type UploadRun,
  untilFilesArrived,
} from "../transfers/index.ts"
import type { Acquisition, Catalog } from "../utils/index.ts"
import type { DmFile, DmTransfer } from "../wire/index.ts"
import { waitForStatus, waitIn } from "./wait-in.ts"

export interface UploadPlanOptions extends StartUploadOptions {
  /** Wait until every file is stored (default), or go on as soon as DM has given the upload's id. */
  wait?: boolean
}

/**
 * Plan: uploads a directory or one file of it. Files that fail are uploaded again. An interrupted plan that waits ends
 * the watch; the upload goes on in DM.
 * @throws into the plan: DmTransferError, which names the files that were not stored; what DM says at the start.
 */
export function* uploadToDm(dm: Acquisition, options: UploadPlanOptions): Plan<UploadRun> {
  const { wait = true, ...start } = options
  const run = yield* waitIn(async signal => {
    const started = await startUpload(dm, start)
    if (signal.aborted) started.status.cancel(new Error("the plan was interrupted"))
    return started
  })
  if (!wait) return run
  try {
    yield* waitForUpload(run)
    return run
  } finally {
    if (!run.status.done) yield* bps.call(() => run.status.cancel(new Error("the plan was interrupted")))
  }
}

/**
 * Plan: waits until the upload has ended.
 * @throws into the plan: DmTransferError; DmWaitTimeout when its time is over and DM is away; else StatusTimeoutError.
 */
export function* waitForUpload(run: UploadRun): Plan<DmTransfer> {
  try {
    return yield* waitForStatus(run.status)
  } catch (error) {
    const { away } = run
    if (!(error instanceof StatusTimeoutError) || away === null) throw error
    throw new DmWaitTimeout(`${error.message}: DM is away: ${away.message}`, { cause: away })
  }
}

export interface WaitForFilesOptions extends ExpectedFiles {
  /** Seconds, default 600. */
  timeout?: number
  /** Seconds between questions, default 30. */
  period?: number
  /** Hears at once that DM is away; it is asked again. */
  onAway?: ((error: DmError) => void) | undefined
}

/**
 * Plan: waits until DM's catalogue has what is expected: files by name, by content, by number.
 * @throws into the plan: DmWaitTimeout, which says what did not come.
 */
export function* waitForFiles(dm: Catalog, options: WaitForFilesOptions): Plan<DmFile[]> {
  const { timeout = 600, period = 30, onAway } = options
  return yield* waitIn(signal => untilFilesArrived(dm, options, { timeout, period, onAway, signal }))
}
