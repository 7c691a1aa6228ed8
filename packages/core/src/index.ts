export * from "./protocols.ts"
export * from "./reading.ts"
export * from "./status/status.ts"
