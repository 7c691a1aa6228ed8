/** Plans: whole measurements, ready to run. */
export { type CountOptions, count } from "./count.ts"
export { fly } from "./fly.ts"
export { type GridScanArgs, gridScan, relGridScan } from "./grid-scan.ts"
export {
  type GridOptions,
  type ListScanArgs,
  listGridScan,
  listScan,
  logScan,
  relListGridScan,
  relListScan,
  relLogScan,
} from "./list-scan.ts"
export type { ScanOptions } from "./metadata.ts"
export { relScan, type ScanArgs, scan } from "./scan.ts"
export { scanNd } from "./scan-nd.ts"
export * from "./spirals.ts"
