export { type LiveTableOptions, liveTable } from "./callbacks/live-table.ts"
export {
  type PeakStats,
  PeakStatsCollector,
  type PeakStatsOptions,
  peakStats,
} from "./callbacks/peak-stats.ts"
export { DocumentRouter, runRouter } from "./callbacks/router.ts"
export type { SubscribeOptions } from "./documents/dispatcher.ts"
export { documentFromJson, documentToJson } from "./documents/json.ts"
export * from "./documents/types.ts"
export { type MetadataStore, memoryMetadata } from "./engine/metadata.ts"
export type { EngineHooks, Preprocessor, RunEngineOptions, RunEngineResult } from "./engine/options.ts"
export { RunEngine } from "./engine/run-engine.ts"
export type { EngineState } from "./engine/states.ts"
export type { Suspension } from "./engine/suspension.ts"
export * from "./errors.ts"
export * from "./messages.ts"
export * as bp from "./plans/index.ts"
export * from "./plans/patterns.ts"
export * as bpp from "./preprocessors/index.ts"
export * as bps from "./stubs/index.ts"
export type { PerShot, PerStep, ScanMotor, Step, TakeReading } from "./stubs/steps.ts"
export type { Suspender } from "./suspenders/suspender.ts"
