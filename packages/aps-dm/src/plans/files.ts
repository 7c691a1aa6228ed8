import { bps, type Plan } from "@ophyd-ts/run-engine"
import { DmError } from "../errors.ts"
import type { DmSpool, SpoolTarget } from "../spool/index.ts"
import type { Catalog } from "../utils/experiments.ts"
import {
  runDatasetThatFits,
  type ShareMetadataOptions,
  shareBlueskyMetadataWithDm,
} from "../utils/run-metadata.ts"
import { untilFilesStored } from "../utils/transfers.ts"
import type { DmDataset, DmFile } from "../wire/index.ts"
import { type AwayOptions, checkAwayOptions, unlessAway } from "./unless-away.ts"
import { waitIn } from "./wait-in.ts"

export { waitForWorkflows } from "./wait-for-workflows.ts"

export interface WaitFilesOptions {
  experiment: string
  /** Relative to the experiment's root. */
  file: string | readonly string[]
  /** Seconds, default 600. */
  timeout?: number
  /** Seconds between questions, default 30. */
  pollPeriod?: number
  /** Hears at once that DM is away; it is asked again. */
  onAway?: ((error: DmError) => void) | undefined
}

/**
 * Plan: waits until DM's catalogue has the files, which a DAQ or an upload brings. A service that is away is asked
 * again.
 * @throws into the plan: DmWaitTimeout, which names the files that did not come.
 */
export function* waitDmUpload(dm: Catalog, options: WaitFilesOptions): Plan<DmFile[]> {
  const { experiment, file, timeout = 600, pollPeriod: period = 30, onAway } = options
  const files = typeof file === "string" ? [file] : file
  return yield* waitIn(signal => untilFilesStored(dm, experiment, files, { timeout, period, onAway, signal }))
}

export interface ShareRunOptions extends ShareMetadataOptions, AwayOptions {}

/**
 * Plan: stores a run's metadata as a dataset of the experiment; see `shareBlueskyMetadataWithDm`. With `whenAway`
 * `spool` the plan does not wait for DM at all: the document is written to the spool, sent from there in the
 * background, and the plan gets null.
 * @throws into the plan: as `shareBlueskyMetadataWithDm` does; with `spool`, InvalidArgument of a document that is too
 * long, and unless `onProblem` hears of it, an error of the spool.
 */
export function* shareRunMetadata(
  dm: Catalog & Partial<SpoolTarget>,
  options: ShareRunOptions,
): Plan<DmDataset | null> {
  checkAwayOptions(options)
  const { whenAway, spool } = options
  if (whenAway === "spool" && spool !== undefined) {
    yield* bps.call(() => keepAndSend(dm, spool, options))
    return null
  }
  return yield* unlessAway(
    waitIn(() => shareBlueskyMetadataWithDm(dm, options)),
    options,
  )
}

async function keepAndSend(
  dm: Catalog & Partial<SpoolTarget>,
  spool: DmSpool,
  options: ShareRunOptions,
): Promise<void> {
  const { onProblem } = options
  const dataset = runDatasetThatFits(options)
  try {
    await spool.add({ kind: "dataset", dataset })
  } catch (error) {
    if (!(error instanceof DmError) || onProblem === undefined) throw error
    onProblem(error)
    return
  }
  const { proc, daq } = dm
  if (proc !== undefined && daq !== undefined) spool.sendSoon({ cat: dm.cat, proc, daq }, onProblem)
}
