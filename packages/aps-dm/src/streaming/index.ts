export { type ConsumeOptions, consumeFrames, type FrameControl, type FrameWork } from "./consume-frames.ts"
export { DmStreamError, type StreamFault } from "./errors.ts"
export { FrameStream, type FrameStreamOptions } from "./frames.ts"
export { PlanSide, type PlanSideOptions } from "./plan-side.ts"
export {
  commandType,
  type FrameResult,
  type FrameSource,
  type ReportState,
  reportStates,
  reportType,
  resultsType,
  type StreamAddress,
  type StreamCommand,
  type StreamReport,
  streamArguments,
} from "./protocol.ts"
export { type ResultNames, ResultQueue } from "./result-queue.ts"
export {
  type FrameCounts,
  type StreamOrder,
  WorkflowSide,
  type WorkflowSideOptions,
} from "./workflow-side.ts"
