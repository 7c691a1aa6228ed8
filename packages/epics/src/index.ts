export { type Address, type Protocol, parseAddress } from "./address.ts"
export { CaBackend, type CaBackendOptions } from "./ca/ca-backend.ts"
export {
  type ClientOf,
  type ClientSource,
  closeDefaultClients,
  defaultClient,
  type EpicsClients,
} from "./clients.ts"
export { EpicsDevice, type EpicsDeviceOptions } from "./device/epics-device.ts"
export { type EpicsPlace, EpicsSignals, epicsBackend } from "./device/epics-signals.ts"
export * from "./devices/index.ts"
export { EpicsError, type EpicsErrorCode } from "./errors.ts"
export {
  EpicsMotor,
  type EpicsMotorOptions,
  type MotorSetOptions,
  type ToleratedAlarm,
} from "./motor/epics-motor.ts"
export type { MotorFlight } from "./motor/flight.ts"
export { PvaBackend } from "./pva/pva-backend.ts"
