import { type Clock, systemClock } from "@ophyd-ts/core"
import type { DmClient } from "../client/index.ts"
import type { DmError } from "../errors.ts"
import { submitOnce } from "../jobs/submit-once.ts"
import { type DmTaskInfo, type DmTransfer, isActive } from "../wire/index.ts"

/** Where an upload comes from and goes to, as DM is asked. */
export interface UploadRequest {
  readonly experiment: string
  readonly dataDirectory: string
  readonly daqInfo?: DmTaskInfo | undefined
}

export interface SubmitUploadOptions {
  /**
   * Name of a key of the request that gets a unique value, by which the upload is found again when the answer to its
   * start was lost. Without one (default), it is found by its source, its destination and its time: whether DM takes
   * keys that it does not know is not known.
   */
  tag?: string | undefined
  /** Hears that the start was not answered, before the upload is looked for. */
  onAway?: ((error: DmError) => void) | undefined
  signal?: AbortSignal | undefined
  clock?: Clock | undefined
  /** Seconds to go on looking for an upload whose start was not answered; default 60. */
  patience?: number | undefined
}

type Uploads = Pick<DmClient, "daq">

/**
 * Starts one upload and never loses its id: when the answer is lost, the upload is looked for in DM's list. It is
 * started again when it is not there; where that cannot be told for certain, too, since DM does not copy again what is
 * stored already.
 * @throws DM's refusal; CommunicationError, with `outcomeUnknown` when nobody can tell whether the upload was started.
 */
export async function submitUpload(
  dm: Uploads,
  request: UploadRequest,
  options: SubmitUploadOptions = {},
): Promise<DmTransfer> {
  const { tag, onAway, signal, clock = systemClock, patience } = options
  const { experiment, dataDirectory } = request
  const unique = tag === undefined ? {} : { [tag]: crypto.randomUUID() }
  const taskInfo: DmTaskInfo = { ...request.daqInfo, ...unique }
  const keys = tag === undefined ? sameKeys : [tag]
  let sent = Number.POSITIVE_INFINITY
  return await submitOnce({
    submit: () => {
      sent = Date.now() / 1000
      return dm.daq.upload(experiment, dataDirectory, taskInfo, { signal })
    },
    find: async () => {
      const uploads = await dm.daq.listUploads({ signal })
      const since = sentOnService(dm, sent)
      const isOurs = (upload: DmTransfer) =>
        upload.experimentName === experiment &&
        upload.dataDirectory === dataDirectory &&
        keys.every(key => upload[key] === taskInfo[key]) &&
        (tag !== undefined || isSince(upload, since))
      return uploads.filter(isOurs).sort((a, b) => (b.startTime ?? 0) - (a.startTime ?? 0))[0] ?? null
    },
    unknown: `upload of ${dataDirectory} to DM experiment "${experiment}": it is unknown whether it was started; look at the list of uploads before starting it again`,
    onLost: onAway,
    clock,
    signal,
    patience,
  })
}

const sameKeys: readonly string[] = ["experimentFilePath", "destDirectory"]

/** The service tells its time to a second. */
const blur = 1.5

/** When the request went out, on the service's clock; null when that is not known. */
function sentOnService({ daq }: Uploads, sent: number): number | null {
  const now = daq.serviceTime
  return now === null ? null : sent + (now - Date.now() / 1000)
}

/** Not one of the same files that was made before. */
const isSince = ({ startTime, status = "" }: DmTransfer, since: number | null): boolean =>
  startTime === undefined || since === null ? isActive(status) : startTime > since - blur
