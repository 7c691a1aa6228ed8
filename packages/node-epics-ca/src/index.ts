/** Channel Access in pure TypeScript: client, server and codec. */
export * from "./client/index.ts"
export * from "./errors.ts"
export * from "./server/index.ts"
export { ALARM_CONDITIONS, ALARM_SEVERITIES, conditionText, severityText } from "./wire/alarm.ts"
export type { DbrMetadata, DbrNumberArray, DbrValue } from "./wire/dbr-value.ts"
export { DbrReading as CaReading } from "./wire/dbr-value.ts"
export { describeEca, Eca, type EcaName, ecaText } from "./wire/eca.ts"
