export type { Engines as DmEngines } from "./calls.ts"
export { DmControl } from "./control.ts"
export {
  type CentreOfMass,
  centreOfMass,
  type DemoStage,
  type DemoWorkflowOptions,
  demoStages,
  demoWorkflow,
} from "./demo-workflow.ts"
export { DmRefusal, DmSimError } from "./errors.ts"
export type { ExperimentInput } from "./experiments.ts"
export type { DmFault, DmFaultHandle, DmFaultKind } from "./faults.ts"
export { type FrameCentre, type FrameCentres, frameCentres } from "./frame-centres.ts"
export type { TlsMaterial } from "./http/listener.ts"
export type { DmServiceLimits, DmServiceOptions, DmTiming } from "./options.ts"
export type { CommandFunction, CommandResult, CommandRule, StageContext } from "./processing/commands.ts"
export { ExpressionError, evaluateCondition } from "./processing/expression.ts"
export { type StageProgram, stageProcess } from "./processing/stage-process.ts"
export type { DmRequestRecord } from "./request-log.ts"
export type { Scheduled } from "./schedule.ts"
export { type DmServiceSim, startDmService } from "./service.ts"
export type { DmUser as DmSimUser } from "./sessions.ts"
export { ManualClock } from "./time/clock.ts"
export type { FileFault } from "./transfer/file-faults.ts"
