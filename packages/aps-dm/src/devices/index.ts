export { DmDaq } from "./daq.ts"
export type { DaqReport, DmDaqOptions } from "./daq-options.ts"
export { DmExperimentSignals } from "./experiment-signals.ts"
export { DM_WorkflowCache } from "./workflow-cache.ts"
export { DM_WorkflowConnector } from "./workflow-connector.ts"
export type {
  JobSubmission,
  RunCall,
  StartCall,
  WatchCall,
  WorkflowConnectorOptions,
  WorkflowReport,
  WorkflowService,
} from "./workflow-options.ts"
