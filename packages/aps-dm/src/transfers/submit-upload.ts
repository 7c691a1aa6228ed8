import { type Clock, systemClock } from "@ophyd-ts/core"
import type { DmClient } from "../client/index.ts"
import { CannotTell, submitOnce } from "../jobs/submit-once.ts"
import type { DmTaskInfo, DmTransfer } from "../wire/index.ts"

/** Where an upload comes from and goes to, as DM is asked. */
export interface UploadRequest {
  readonly experiment: string
  readonly dataDirectory: string
  readonly daqInfo?: DmTaskInfo | undefined
}

export interface SubmitUploadOptions {
  /**
   * Name of a key of the request that gets a unique value, by which the upload is found again when the answer to its
   * start was lost. Without one (default), the list of uploads before and after tells the same at the price of one
   * more question.
   */
  tag?: string | undefined
  signal?: AbortSignal | undefined
  clock?: Clock | undefined
  /** Seconds to go on looking for an upload whose start was not answered; default 60. */
  patience?: number | undefined
}

type Uploads = Pick<DmClient, "daq">

/**
 * Starts one upload and never two, and never loses its id: when the answer is lost, the upload is looked for in DM's
 * list.
 * @throws DM's refusal; CommunicationError, with `outcomeUnknown` when nobody can tell whether the upload was started.
 */
export async function submitUpload(
  dm: Uploads,
  request: UploadRequest,
  options: SubmitUploadOptions = {},
): Promise<DmTransfer> {
  const { tag, signal, clock = systemClock, patience } = options
  const { experiment, dataDirectory } = request
  const taskInfo =
    tag === undefined ? (request.daqInfo ?? {}) : { ...request.daqInfo, [tag]: crypto.randomUUID() }
  const before = tag === undefined ? await idsBefore(dm, signal) : null
  const isOurs = (upload: DmTransfer) =>
    upload.experimentName === experiment &&
    upload.dataDirectory === dataDirectory &&
    (tag === undefined
      ? sameKeys.every(key => upload[key] === taskInfo[key]) && before?.has(upload.id) === false
      : upload[tag] === taskInfo[tag])
  return await submitOnce({
    submit: () => dm.daq.upload(experiment, dataDirectory, taskInfo, { signal }),
    find: async () => {
      if (tag === undefined && before === null) throw new CannotTell("the uploads before it are not known")
      return (await dm.daq.listUploads({ signal })).find(isOurs) ?? null
    },
    unknown: `upload of ${dataDirectory} to DM experiment "${experiment}": it is unknown whether it was started; look at the list of uploads before starting it again`,
    clock,
    signal,
    patience,
  })
}

const sameKeys = ["experimentFilePath", "destDirectory"] as const

/** Null when DM does not tell: that is no reason not to start the upload. */
async function idsBefore(dm: Uploads, signal: AbortSignal | undefined): Promise<Set<string> | null> {
  try {
    return new Set((await dm.daq.listUploads({ signal })).map(upload => upload.id))
  } catch (error) {
    if (signal?.aborted) throw error
    return null
  }
}
