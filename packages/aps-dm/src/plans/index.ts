export {
  type ShareRunOptions,
  shareRunMetadata,
  type WaitFilesOptions,
  waitDmUpload,
  waitForWorkflows,
} from "./files.ts"
export { type RunWorkflowOptions, runDmWorkflow } from "./run-workflow.ts"
export {
  dmDaqWaitUploadPlan,
  type ParameterUpload,
  type SetupUserOptions,
  type SetupUserResult,
  setupUser,
} from "./setup-user.ts"
export {
  type UploadPlanOptions,
  uploadToDm,
  type WaitForFilesOptions,
  waitForFiles,
  waitForUpload,
} from "./transfers.ts"
export { type AwayOptions, type UnlessAwayOptions, unlessAway } from "./unless-away.ts"
