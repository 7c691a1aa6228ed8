export { DmExperimentSignals } from "./experiment-signals.ts"
export { DM_WorkflowCache } from "./workflow-cache.ts"
export {
  DM_WorkflowConnector,
  type RunCall,
  type StartCall,
  type WatchCall,
  type WorkflowConnectorOptions,
  type WorkflowReport,
  type WorkflowService,
} from "./workflow-connector.ts"
