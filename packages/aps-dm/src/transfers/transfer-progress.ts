import type { DmTransfer } from "../wire/index.ts"

/** A file that DM could not transfer. */
export interface FailedFile {
  /** Relative to the data directory, as DM names it. */
  readonly file: string
  readonly message: string
}

/** How far a DAQ or an upload is. */
export interface TransferProgress {
  /** DM's word. */
  readonly status: string
  /** Part that is done, from 0 to 1, failed files included. */
  readonly fraction: number
  readonly files: { readonly total: number; readonly done: number; readonly failed: number }
  /**
   * Bytes of the source, where this machine sees it. DM counts files and no bytes: before the end, `done` is what the
   * number of files makes likely.
   */
  readonly bytes: { readonly total: number; readonly done: number } | null
  /** Files that failed, as far as DM names them. */
  readonly errors: readonly FailedFile[]
}

/** What a transfer's counters say. `bytes` is the size of the source. */
export function transferProgress(transfer: DmTransfer, bytes: number | null = null): TransferProgress {
  const { status = "", countFiles = 0, nProcessedFiles = 0, nProcessingErrors = 0 } = transfer
  const errors = failedFiles(transfer)
  const failed = Math.max(nProcessingErrors, errors.length)
  const total = Math.max(countFiles, nProcessedFiles + failed)
  const counted = total === 0 ? 0 : (nProcessedFiles + failed) / total
  const fraction = status === "done" ? 1 : clip((transfer.percentageComplete ?? 100 * counted) / 100)
  const good = total === 0 ? fraction : nProcessedFiles / total
  return {
    status,
    fraction,
    files: { total, done: nProcessedFiles, failed },
    bytes: bytes === null ? null : { total: bytes, done: Math.round(bytes * clip(good)) },
    errors,
  }
}

/** The files that DM names as failed: an object of messages by file, or a list of texts or of objects. */
export function failedFiles({ processingErrors }: DmTransfer): FailedFile[] {
  if (typeof processingErrors !== "object" || processingErrors === null) return []
  return Object.entries(processingErrors).map(([key, value]): FailedFile => {
    if (!Array.isArray(processingErrors)) return { file: key, message: text(value) }
    if (typeof value !== "object" || value === null) return { file: "", message: text(value) }
    const { experimentFilePath, filePath, file, ...rest } = value as Record<string, unknown>
    const { errorMessage, message } = rest
    return {
      file: text(experimentFilePath ?? filePath ?? file ?? ""),
      message: text(errorMessage ?? message ?? rest),
    }
  })
}

const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value))
const clip = (value: number): number => Math.min(1, Math.max(0, value))
