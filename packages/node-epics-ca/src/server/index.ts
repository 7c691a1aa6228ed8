/** The Channel Access server and what it serves. */
export { SERVER_CHANNEL, type ServerEvent } from "./diagnostics.ts"
export { caServerOptions } from "./environment.ts"
export { PutRefused } from "./errors.ts"
export type { ServerLimits } from "./limits.ts"
export type { PvProvider } from "./names.ts"
export { ServerPv } from "./pv.ts"
export type {
  PostOptions,
  PutContext,
  PvAccess,
  PvInput,
  PvLimits,
  PvMetadata,
  PvType,
  PvValue,
  ServedValue,
  ServerClient,
  ServerPvOptions,
} from "./pv-options.ts"
export { CaServer, type CaServerOptions, type ServerClientConfig } from "./server.ts"
