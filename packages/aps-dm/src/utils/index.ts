export {
  type Catalog,
  checkExperimentName,
  type DataStorage,
  dmExperimentsTable,
  dmFileReadyToProcess,
  dmGetExperimentFile,
  dmGetExperimentPath,
  dmGetExperiments,
  type ListExperimentsOptions,
  validateExperimentDataDirectory,
} from "./experiments.ts"
export {
  type ExperimentMetadata,
  type ExperimentUser,
  type LookUpOptions,
  lookUpExperiment,
} from "./look-up.ts"
export type { PollOptions } from "./poll.ts"
export { RunDocuments, type RunMetadata } from "./run-documents.ts"
export {
  buildRunMetadataDict,
  runDataset,
  runDatasetThatFits,
  type ShareMetadataOptions,
  shareBlueskyMetadataWithDm,
} from "./run-metadata.ts"
export { dmSetup } from "./setup.ts"
export {
  type Acquisition,
  dmEnsureDaq,
  dmGetDaqs,
  dmGetExperimentDatadirActiveDaq,
  dmStartDaq,
  dmStopDaq,
  dmUpload,
  untilFilesStored,
  untilUploaded,
} from "./transfers.ts"
export {
  dmAddWorkflow,
  dmGetWorkflow,
  dmListWorkflows,
  dmUpdateWorkflow,
  getWorkflowLastStage,
} from "./workflows.ts"
