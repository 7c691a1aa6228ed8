export { isAway, type WhenAway } from "./away.ts"
export * from "./client/index.ts"
export * from "./collect/index.ts"
export {
  DmConfig,
  type DmConfigEntry,
  type DmCredentials,
  type DmOrigin,
  type DmSettings,
  dmConfig,
} from "./config/config.ts"
export { dmRoutesFromFile } from "./config/routes-file.ts"
export { parseSetupFile, type SetupFile } from "./config/setup-file.ts"
export * from "./devices/index.ts"
export * from "./errors.ts"
export * from "./jobs/index.ts"
export * from "./plans/index.ts"
export * from "./spool/index.ts"
export * from "./streaming/index.ts"
export * from "./transfers/index.ts"
export * from "./utils/index.ts"
export * from "./wire/index.ts"
