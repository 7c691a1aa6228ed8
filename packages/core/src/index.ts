export { type Clock, systemClock } from "./clock.ts"
export {
  type ArrayType,
  float32Array,
  float64Array,
  int8Array,
  int16Array,
  int32Array,
  int64Array,
  stringArray,
  type TypedArray,
  uint8Array,
  uint16Array,
  uint32Array,
  uint64Array,
} from "./datatypes/arrays.ts"
export { type ChoiceType, choice, type LabelMatch, labelMismatch } from "./datatypes/choice.ts"
export type { Datatype, Family, ValueOf } from "./datatypes/datatype.ts"
export {
  boolean,
  double,
  float,
  type IntegerType,
  int8,
  int16,
  int32,
  int64,
  integer,
  number,
  string,
  uint8,
  uint16,
  uint32,
  uint64,
} from "./datatypes/scalars.ts"
export {
  type Columns,
  type ColumnType,
  rowsOf,
  type TableType,
  type TableValue,
  table,
} from "./datatypes/table.ts"
export { Component, type ComponentOptions } from "./device/component.ts"
export { type ConnectOptions, connect } from "./device/connect.ts"
export { Device, type DeviceOptions } from "./device/device.ts"
export { type Group, group } from "./device/group.ts"
export { joinNames, snakeCase } from "./device/naming.ts"
export { type ConnectFailure, NotConnectedError } from "./device/not-connected.ts"
export { SoftSignals } from "./device/soft-signals.ts"
export { DeviceErrors, RedundantStaging, StageSignals } from "./device/stage-signals.ts"
export { DeviceVector } from "./device/vector.ts"
export { type ErrorHook, onCallbackError, reportCallbackError } from "./error-hook.ts"
export { LimitError, OphydError, toError, ValueError } from "./errors.ts"
export { formatSeconds, formatValue } from "./format.ts"
export { callSafely, Listeners } from "./listeners.ts"
export * from "./protocols.ts"
export { type Delivery, type QueueOptions, UpdateQueue, type Updates } from "./queue.ts"
export * from "./reading.ts"
export {
  compareSettings,
  NotKeptError,
  type RestoreOptions,
  type RestoreReport,
  restoreSettings,
  type SettingDifference,
  type SettingFailure,
  type SettingsComparison,
} from "./settings/restore.ts"
export {
  formatSettings,
  parseSettings,
  readSettings,
  type Settings,
  SettingsError,
  type SettingsOptions,
  saveSettings,
} from "./settings/settings.ts"
export {
  type AssignableBackend,
  type ConnectionState,
  isAssignable,
  type PutOptions,
  type ReadingListener,
  type SignalBackend,
} from "./signal/backend.ts"
export {
  type Derivation,
  derivedSignal,
  type Inputs,
  type TwoWayDerivation,
  type ValuesOf,
} from "./signal/derived.ts"
export { type Metadata, writeLimits } from "./signal/metadata.ts"
export { MockBackend, type MockPut, type PutHandler } from "./signal/mock-backend.ts"
export { DisconnectedError, type ReadOptions, SignalR } from "./signal/readable.ts"
export { SetInProgressError, SetSlot, SupersededError, type WhenBusy } from "./signal/set-slot.ts"
export { Signal, type SignalOptions, UnconnectedError } from "./signal/signal.ts"
export { type SoftValueOptions, softReadable, softSignal } from "./signal/soft.ts"
export { SoftBackend, type SoftOptions } from "./signal/soft-backend.ts"
export { SplitBackend } from "./signal/split-backend.ts"
export {
  type Match,
  StartError,
  type Started,
  setAndWaitForOtherValue,
  setAndWaitForValue,
  type UntilOptions,
  until,
  waitFor,
} from "./signal/until.ts"
export {
  type ReadWriteOptions,
  SignalRW,
  SignalW,
  SignalX,
  type WriteCall,
  type WriteOptions,
} from "./signal/writable.ts"
export type { Action, Work } from "./status/action.ts"
export * from "./status/errors.ts"
export type { Progress } from "./status/progress.ts"
export { Status, type StatusOptions, type WaitOptions } from "./status/status.ts"
