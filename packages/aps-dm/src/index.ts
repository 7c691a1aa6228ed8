export * from "./client/index.ts"
export {
  DmConfig,
  type DmConfigEntry,
  type DmCredentials,
  type DmOrigin,
  type DmSettings,
  dmConfig,
} from "./config/config.ts"
export { parseSetupFile, type SetupFile } from "./config/setup-file.ts"
export * from "./errors.ts"
export * from "./wire/index.ts"
