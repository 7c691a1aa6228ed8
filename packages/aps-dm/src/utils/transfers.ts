import type { CallOptions, DmClient } from "../client/index.ts"
import { CommunicationError, DmTransferError } from "../errors.ts"
import { untilFilesArrived } from "../transfers/expected-files.ts"
import { type SubmitUploadOptions, submitUpload } from "../transfers/submit-upload.ts"
import {
  type DmFile,
  type DmTaskInfo,
  type DmTransfer,
  isTransferActive,
  isUploadEnded,
} from "../wire/index.ts"
import type { Catalog } from "./experiments.ts"
import { type PollOptions, poll } from "./poll.ts"

export type Acquisition = Pick<DmClient, "daq">

/** DAQs of the experiment, in any state. */
export async function dmGetDaqs(
  dm: Acquisition,
  experiment: string,
  options?: CallOptions,
): Promise<DmTransfer[]> {
  return (await dm.daq.listDaqs(options)).filter(daq => daq.experimentName === experiment)
}

/** The DAQ that is pending or running for exactly this text of a directory; null when there is none. */
export async function dmGetExperimentDatadirActiveDaq(
  dm: Acquisition,
  experiment: string,
  dataDirectory: string,
  options?: CallOptions,
): Promise<DmTransfer | null> {
  const daqs = await dmGetDaqs(dm, experiment, options)
  const active = daqs.find(daq => daq.dataDirectory === dataDirectory && isTransferActive(daq.status ?? ""))
  return active ?? null
}

/** Starts a DAQ: files that appear in the directory are copied to the experiment until it is stopped. */
export const dmStartDaq = (
  dm: Acquisition,
  experiment: string,
  dataDirectory: string,
  daqInfo: DmTaskInfo = {},
  options?: CallOptions,
): Promise<DmTransfer> => dm.daq.startDaq(experiment, dataDirectory, daqInfo, options)

/**
 * The active DAQ for experiment and directory, started when there is none. When the answer to the start is lost, the
 * DAQ is
 * looked for and not started again.
 */
export async function dmEnsureDaq(
  dm: Acquisition,
  experiment: string,
  dataDirectory: string,
  daqInfo: DmTaskInfo = {},
  options?: CallOptions,
): Promise<DmTransfer> {
  const active = await dmGetExperimentDatadirActiveDaq(dm, experiment, dataDirectory, options)
  if (active !== null) return active
  try {
    return await dmStartDaq(dm, experiment, dataDirectory, daqInfo, options)
  } catch (error) {
    if (!(error instanceof CommunicationError && error.outcomeUnknown)) throw error
    const started = await dmGetExperimentDatadirActiveDaq(dm, experiment, dataDirectory, options)
    if (started === null) throw error
    return started
  }
}

export const dmStopDaq = (dm: Acquisition, experiment: string, dataDirectory: string): Promise<void> =>
  dm.daq.stopDaq(experiment, dataDirectory)

/**
 * Copies a directory, or with `experimentFilePath` one file of it, once. Gives the upload's id, also when the answer
 * to the start is lost; see `startUpload` for progress and repeated files.
 */
export async function dmUpload(
  dm: Acquisition,
  experiment: string,
  dataDirectory: string,
  daqInfo: DmTaskInfo = {},
  options: SubmitUploadOptions = {},
): Promise<string> {
  return (await submitUpload(dm, { experiment, dataDirectory, daqInfo }, options)).id
}

/**
 * The upload once it is done. Default period 10 s, default no time limit.
 * @throws DmTransferError when it ends otherwise or some of its files failed, DmWaitTimeout, the signal's reason.
 */
export async function untilUploaded(
  dm: Acquisition,
  id: string,
  options: PollOptions = {},
): Promise<DmTransfer> {
  const { period = 10, timeout = Number.POSITIVE_INFINITY } = options
  const ended = await poll(
    () => `DM upload ${id}`,
    async signal => {
      const upload = await dm.daq.getUploadInfo(id, { signal })
      return isUploadEnded(upload.status ?? "") ? upload : undefined
    },
    { ...options, period, timeout },
  )
  const { status = "", errorMessage, nProcessingErrors = 0 } = ended
  if (status === "done" && nProcessingErrors === 0) return ended
  const why =
    errorMessage ?? (nProcessingErrors > 0 ? `${nProcessingErrors} files failed` : "no reason given")
  throw new DmTransferError(`DM upload ${id} ended as ${status}: ${why}`, ended)
}

/**
 * The files' metadata once DM has all of them, in the order of the names; see `untilFilesArrived` for more ways to
 * say what is expected. Names are relative to the experiment's root. Default period 30 s, default limit 600 s.
 * @throws DmWaitTimeout that names the files which did not come, the signal's reason.
 */
export const untilFilesStored = async (
  dm: Catalog,
  experiment: string,
  files: readonly string[],
  options: PollOptions = {},
): Promise<DmFile[]> =>
  files.length === 0 ? [] : await untilFilesArrived(dm, { experiment, files }, options)
