export * from "./dm/index.ts"
export { IocSimError, type IocSimErrorCode } from "./errors.ts"
export type { IocPorts } from "./softioc/environment.ts"
export { SoftIoc, type SoftIocOptions, startSoftIoc } from "./softioc/softioc.ts"
