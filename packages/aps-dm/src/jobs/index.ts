export {
  type ArgumentRules,
  checkArguments,
  type WorkflowArgument,
  type WorkflowArguments,
} from "./arguments.ts"
export { type BadOutcome, DmJobError, DmWatchTimeout, dmErrorBehind } from "./job-errors.ts"
export type { JobPolicy } from "./job-policy.ts"
export { conciseReport, stageOutputs, stageTable } from "./job-report.ts"
export { type JobState, jobState } from "./job-state.ts"
export { checkAgainstWorkflow, requiredArguments } from "./required-arguments.ts"
export { type JobByArgument, newestJob } from "./start-job.ts"
export { type JobService, type Submission, submitJob } from "./submit-job.ts"
