import { bps, type Plan } from "@ophyd-ts/run-engine"
import type { DmClient } from "../client/index.ts"
import type { DmExperimentSignals } from "../devices/experiment-signals.ts"
import { type DataStorage, validateExperimentDataDirectory } from "../utils/experiments.ts"
import type { PollOptions } from "../utils/poll.ts"
import { type Acquisition, dmEnsureDaq, dmUpload, untilUploaded } from "../utils/transfers.ts"
import type { DmExperiment, DmTaskInfo, DmTransfer } from "../wire/index.ts"
import { waitIn } from "./wait-in.ts"

export interface ParameterUpload {
  /** Directory that holds the file, in one of DM's forms. */
  dataDirectory: string
  /** One file of it; without, the whole directory. */
  file?: string
  /** Where to, relative to the experiment's root. */
  destDirectory?: string
  daqInfo?: DmTaskInfo
}

export interface SetupUserOptions {
  experiment: string
  /** The directory to watch: a path that DM's machine mounts, `@host:/path` or `ftp://host:2811/path`. */
  dataDirectory: string
  /** How the DAQ works, if one has to be started. */
  daqInfo?: DmTaskInfo
  /** What workflows will need besides the data. */
  uploads?: readonly ParameterUpload[]
  /** Wait until the uploads are done; default true. */
  wait?: boolean
  /** Seconds to wait for each upload; default 600. */
  timeout?: number
  /** Seconds between questions; default 10. */
  period?: number
  /** File in which experiment, directory and ids survive a restart: see `DmExperimentSignals.recall`. */
  rememberIn?: string
}

export interface SetupUserResult {
  experiment: DmExperiment
  daq: DmTransfer
  /** In the order of the options. */
  uploadIds: string[]
}

/**
 * Plan at the start of a user's time: checks that the experiment exists and can store data, starts a DAQ if none is
 * active for experiment and directory, uploads parameter files, and remembers all of it in signals for later plans.
 * @throws into the plan: ObjectNotFound, InvalidArgument, DmTransferError, DmWaitTimeout, CommunicationError.
 */
export function* setupUser(
  dm: DataStorage & Acquisition,
  signals: DmExperimentSignals,
  options: SetupUserOptions,
): Plan<SetupUserResult> {
  const { dataDirectory, uploads = [], wait = true, timeout = 600, period = 10, rememberIn } = options
  const experiment = yield* waitIn(() => validateExperimentDataDirectory(dm, options.experiment))
  const { name } = experiment
  yield* bps.mv(signals.experiment, name, signals.dataDirectory, dataDirectory)
  const daq = yield* waitIn(signal => dmEnsureDaq(dm, name, dataDirectory, options.daqInfo, { signal }))
  yield* bps.mv(signals.daqId, daq.id)
  const uploadIds: string[] = []
  for (const upload of uploads) {
    const id = yield* waitIn(() => dmUpload(dm, name, upload.dataDirectory, taskInfo(upload)))
    uploadIds.push(id)
    yield* bps.mv(signals.uploadId, id)
  }
  if (rememberIn !== undefined) yield* bps.call(() => signals.remember(rememberIn))
  if (wait) for (const id of uploadIds) yield* dmDaqWaitUploadPlan(dm, id, { timeout, period })
  return { experiment, daq, uploadIds }
}

const taskInfo = ({ file, destDirectory, daqInfo }: ParameterUpload): DmTaskInfo => ({
  ...daqInfo,
  ...(file === undefined ? {} : { experimentFilePath: file }),
  ...(destDirectory === undefined ? {} : { destDirectory }),
})

/**
 * Plan: waits until an upload is done. Default period 10 s, default no time limit.
 * @throws into the plan: DmTransferError, DmWaitTimeout.
 */
export function* dmDaqWaitUploadPlan(
  dm: Pick<DmClient, "daq">,
  id: string,
  options: Pick<PollOptions, "period" | "timeout" | "onAway"> = {},
): Plan<DmTransfer> {
  return yield* waitIn(signal => untilUploaded(dm, id, { ...options, signal }))
}
