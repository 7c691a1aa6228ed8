import type { SpoolItem } from "../spool/spool-item.ts"
import type { DmTaskInfo } from "../wire/index.ts"

/** What is to be uploaded. */
export interface UploadDescription {
  experiment: string
  /** A path that DM's machine mounts, `@host:/path` or `ftp://host:2811/path`. */
  dataDirectory: string
  /** One file of it; without, the whole directory. */
  file?: string | undefined
  /** Where to, relative to the experiment's data directory. */
  destDirectory?: string | undefined
  /** `files`: one after the other, each with its error. `directory`: one transfer. Default what DM does. */
  mode?: "files" | "directory" | undefined
  /** More of what DM understands. */
  daqInfo?: DmTaskInfo | undefined
}

/** The upload as DM is asked for it. */
export function uploadRequest(description: UploadDescription): {
  experiment: string
  dataDirectory: string
  daqInfo: DmTaskInfo
} {
  const { experiment, dataDirectory, file, destDirectory, mode, daqInfo } = description
  return {
    experiment,
    dataDirectory,
    daqInfo: {
      ...daqInfo,
      ...(file === undefined ? {} : { experimentFilePath: file }),
      ...(destDirectory === undefined ? {} : { destDirectory }),
      ...(mode === undefined ? {} : { processingMode: mode }),
    },
  }
}

/** The upload as work that a spool keeps: `unlessAway(uploadToDm(dm, o), { …, item: () => uploadItem(o) })`. */
export function uploadItem(description: UploadDescription): SpoolItem {
  const { daqInfo, ...rest } = uploadRequest(description)
  return { kind: "upload", ...rest, taskInfo: daqInfo }
}
