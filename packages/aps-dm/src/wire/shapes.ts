/**
 * JSON documents of DM, read with patience: extra keys stay, absent ones are absent, and an optional key that holds
 * something unexpected reads as absent. Facts page "APS Data Management", section 5. Times are seconds since 1970.
 */
import { z } from "zod"

const optional = <T extends z.ZodType>(type: T) => type.optional().catch(undefined)
export const optionalText = optional(z.string())
export const optionalNumber = optional(z.number())
export const optionalFlag = optional(z.boolean())
/** Identifiers come as number or as text. */
const identifier = z.union([z.string(), z.number()])
const optionalIdentifier = optional(identifier)
/** One that is asked for again, always as text. */
export const idText = z.union([z.string(), z.number().transform(String)])
const optionalTexts = optional(z.array(z.string()))

const described = z.looseObject({ id: optionalIdentifier, name: optionalText, description: optionalText })

/** Long and short form; the short one (list by station) has no users, directories and accounts. */
export const dmExperiment = z.looseObject({
  id: optionalIdentifier,
  name: z.string(),
  description: optionalText,
  stationName: optionalText,
  experimentStation: optional(described),
  experimentType: optional(described),
  primaryStorage: optional(described),
  rootPath: optionalText,
  storageHost: optionalText,
  storageDirectory: optionalText,
  storageUrl: optionalText,
  /** Absent for an experiment without managed directories. */
  dataDirectory: optionalText,
  analysisDirectory: optionalText,
  systemDirectory: optionalText,
  experimentUsernameList: optionalTexts,
  startDate: optionalText,
  endDate: optionalText,
})
export type DmExperiment = z.infer<typeof dmExperiment>

/** A DAQ or an upload: what is transferred and how far it is. */
export const dmTransfer = z.looseObject({
  id: idText,
  experimentName: optionalText,
  experimentStationName: optionalText,
  /** As it was given at the start; compared literally. */
  dataDirectory: optionalText,
  status: optionalText,
  countFiles: optionalNumber,
  nProcessedFiles: optionalNumber,
  nProcessingErrors: optionalNumber,
  nWaitingFiles: optionalNumber,
  percentageComplete: optionalNumber,
  errorMessage: optionalText,
  /** By file, or a list; the form is inferred. See `failedFiles`. */
  processingErrors: z.unknown().optional(),
  startTime: optionalNumber,
  endTime: optionalNumber,
  storageDirectory: optionalText,
  destDirectory: optionalText,
  experimentFilePath: optionalText,
  workflowJobOwner: optionalText,
})
export type DmTransfer = z.infer<typeof dmTransfer>

/**
 * The request of `startDaq` and `upload` (`taskInfo` on the wire, `daqInfo` in apstools). More keys exist; the
 * spelling of those after `reprocessFiles` is inferred.
 */
export interface DmTaskInfo {
  /** Relative to the experiment's root. */
  destDirectory?: string
  /** Upload just this file, relative to the data directory. */
  experimentFilePath?: string
  processExistingFiles?: boolean
  useAnalysisDirectoryAsRoot?: boolean
  /** Comma list of wildcards. */
  skipFilePathPattern?: string
  /** Transfer even what is stored and unchanged. */
  reprocessFiles?: boolean
  /** One file after the other, or the directory in one transfer. */
  processingMode?: "files" | "directory"
  /** Start this workflow for each file; needs `workflowOwner`. */
  workflowName?: string
  workflowOwner?: string
  workflowArgs?: Readonly<Record<string, unknown>>
  workflowJobOwner?: string
  maxRunTimeInHours?: number
  readonly [key: string]: unknown
}

/** File metadata; `statFile` adds `readyForProcessing`. */
export const dmFile = z.looseObject({
  id: optionalIdentifier,
  experimentName: optionalText,
  /** Relative to the experiment's root. */
  experimentFilePath: optionalText,
  /** Bytes. */
  fileSize: optionalNumber,
  md5Sum: optionalText,
  readyForProcessing: optionalFlag,
})
export type DmFile = z.infer<typeof dmFile>

/** A free document about an experiment, such as the metadata of a run. */
export const dmDataset = z.looseObject({
  id: optionalIdentifier,
  experimentName: optionalText,
  datasetName: optionalText,
})
export type DmDataset = z.infer<typeof dmDataset>

export const dmUser = z.looseObject({
  id: optionalIdentifier,
  username: optionalText,
  firstName: optionalText,
  lastName: optionalText,
  email: optionalText,
})
export type DmUser = z.infer<typeof dmUser>

const person = z.looseObject({
  id: optionalIdentifier,
  badge: optionalIdentifier,
  firstName: optionalText,
  lastName: optionalText,
  email: optionalText,
  /** `Yes`/`No` in an ESAF, `Y`/`N` in a proposal. */
  piFlag: optionalText,
})

export const dmEsaf = z.looseObject({
  esafId: identifier,
  esafTitle: optionalText,
  description: optionalText,
  sector: optionalText,
  esafStatus: optionalText,
  /** `YYYY-MM-DD HH:MM:SS`. */
  experimentStartDate: optionalText,
  experimentEndDate: optionalText,
  experimentUsers: optional(z.array(person)),
})
export type DmEsaf = z.infer<typeof dmEsaf>

export const dmProposal = z.looseObject({
  id: identifier,
  title: optionalText,
  /** ISO 8601. */
  startTime: optionalText,
  endTime: optionalText,
  /** Seconds. */
  duration: optionalNumber,
  mailInFlag: optionalText,
  proprietaryFlag: optionalText,
  experimenters: optional(z.array(person)),
})
export type DmProposal = z.infer<typeof dmProposal>

/** An accelerator run cycle. */
export const dmRunCycle = z.looseObject({
  name: optionalText,
  startTime: optionalText,
  endTime: optionalText,
})
export type DmRunCycle = z.infer<typeof dmRunCycle>

/** Body of an error answer. It is one only when `errorCode` is there: a failed job has an `errorMessage` of its own. */
export const dmErrorBody = z.looseObject({
  errorCode: z.coerce.number(),
  errorMessage: optionalText,
  exceptionType: optionalText,
})
