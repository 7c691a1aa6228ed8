/** Workflows and processing jobs. Facts page "APS Data Management", sections 6 and 7. Times are seconds since 1970. */
import { z } from "zod"
import { idText, optionalFlag, optionalNumber, optionalText } from "./shapes.ts"

const optionalId = idText.optional().catch(undefined)

/** One command of a stage, for one file. Absent, null and empty outputs all mean: nothing yet. */
export const dmChildProcess = z.looseObject({
  /** Counts over the whole job. */
  childProcessNumber: optionalNumber,
  stageId: optionalText,
  /** After substitution of the variables. */
  command: optionalText,
  workingDir: optionalText,
  userAccount: optionalText,
  status: optionalText,
  submitTime: optionalNumber,
  startTime: optionalNumber,
  endTime: optionalNumber,
  runTime: optionalNumber,
  exitStatus: optionalNumber,
  stdOut: optionalText,
  stdErr: optionalText,
})
export type DmChildProcess = z.infer<typeof dmChildProcess>

/** A stage's definition and, in a job, its progress. Counters are absent until they matter. */
export const dmStage = z.looseObject({
  command: optionalText,
  workingDir: optionalText,
  outputVariableRegexList: z.array(z.string()).optional().catch(undefined),
  runIf: optionalText,
  repeatPeriod: optionalNumber,
  repeatUntil: optionalText,
  maxRepeats: optionalNumber,
  parallelExec: optionalFlag,
  status: optionalText,
  childProcesses: z.record(z.string(), dmChildProcess).optional().catch(undefined),
  nQueuedChildProcesses: optionalNumber,
  nRunningChildProcesses: optionalNumber,
  nCompletedChildProcesses: optionalNumber,
  nFailedChildProcesses: optionalNumber,
})
export type DmStage = z.infer<typeof dmStage>

/** Stages run in the sorted order of their identifiers. */
export const dmWorkflow = z.looseObject({
  id: optionalId,
  name: optionalText,
  owner: optionalText,
  userAccount: optionalText,
  description: optionalText,
  version: optionalNumber,
  stages: z.record(z.string(), dmStage).optional().catch(undefined),
})
export type DmWorkflow = z.infer<typeof dmWorkflow>

/** One execution of a workflow. Its arguments and output variables are top-level keys too. */
export const dmJob = z.looseObject({
  id: optionalId,
  owner: optionalText,
  status: optionalText,
  /** The stage at work, or the one that failed. */
  stage: optionalText,
  countFiles: optionalNumber,
  submissionTime: optionalNumber,
  startTime: optionalNumber,
  endTime: optionalNumber,
  runTime: optionalNumber,
  /** Why the job failed, in some cases; the request itself was answered well. */
  errorMessage: optionalText,
  workflow: dmWorkflow.optional().catch(undefined),
})
export type DmJob = z.infer<typeof dmJob>

/** Stage identifiers in the order in which they run. */
export const stageOrder = (workflow: DmWorkflow | undefined): string[] =>
  Object.keys(workflow?.stages ?? {}).sort()

/** A stage's commands in the order in which they were submitted. */
export const childrenOf = (stage: DmStage | undefined): DmChildProcess[] =>
  Object.entries(stage?.childProcesses ?? {})
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, child]) => child)
