export { type KeepSendingOptions, keepSending, type SpoolSender } from "./keep-sending.ts"
export { DmSpool, type DmSpoolOptions, type SendReport, type SpoolEntry, type SpoolTarget } from "./spool.ts"
export { describeItem, type SpoolItem } from "./spool-item.ts"
