import { watched } from "./engine/forgotten.ts"
import * as plans from "./plans/index.ts"
import * as preprocessors from "./preprocessors/index.ts"
import * as stubs from "./stubs/index.ts"

export { type LiveTableOptions, liveTable } from "./callbacks/live-table.ts"
export {
  type PeakStats,
  PeakStatsCollector,
  type PeakStatsOptions,
  peakStats,
} from "./callbacks/peak-stats.ts"
export { type ProgressBarsOptions, progressBars } from "./callbacks/progress-bars.ts"
export { DocumentRouter, runRouter } from "./callbacks/router.ts"
export type { SubscribeOptions } from "./documents/dispatcher.ts"
export { documentFromJson, documentToJson } from "./documents/json.ts"
export { DocumentRuleError, DocumentRules } from "./documents/rules.ts"
export * from "./documents/types.ts"
export { ForgottenPlan } from "./engine/forgotten.ts"
export { type MetadataStore, memoryMetadata } from "./engine/metadata.ts"
export type { EngineHooks, Preprocessor, RunEngineOptions, RunEngineResult } from "./engine/options.ts"
export { RunEngine } from "./engine/run-engine.ts"
export type { EngineState } from "./engine/states.ts"
export type { Suspension } from "./engine/suspension.ts"
export * from "./errors.ts"
export * from "./messages.ts"
export * from "./plans/patterns.ts"
export { checkLimits, type LimitCheck } from "./simulators/check-limits.ts"
export { type Estimate, type EstimateOptions, estimateDuration, type Timing } from "./simulators/estimate.ts"
export { assertMessageAndReturnRemaining, RunEngineSimulator } from "./simulators/simulator.ts"
export { summarizePlan } from "./simulators/summarize.ts"
export { walk } from "./simulators/walk.ts"
export type { PerShot, PerStep, ScanMotor, Step, TakeReading } from "./stubs/steps.ts"
export * from "./suspenders/conditions.ts"
export { type Condition, SignalSuspender, type SuspenderOptions } from "./suspenders/signal-suspender.ts"
export type { Suspender } from "./suspenders/suspender.ts"

/** Plan stubs: the small pieces that plans are made of. Use them with `yield*`. */
export const bps = watched("bps", stubs)
/** Plans: whole measurements, ready to run. */
export const bp = watched("bp", plans)
/** Preprocessors: they wrap one plan in another. */
export const bpp = watched("bpp", preprocessors)
