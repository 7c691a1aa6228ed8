export { BusyRecord, type BusyRecordOptions } from "./busy.ts"
export { ArrayCalcChannel, ArrayCalcRecord, UserArrayCalcs } from "./calc/array-calc.ts"
export { CalcChannel, CalcoutRecord, CalcRecord } from "./calc/calcout.ts"
export { CalcFields, RecordFields } from "./calc/record-fields.ts"
export { SwaitChannel, SwaitRecord, UserCalcs } from "./calc/swait.ts"
export { TransformChannel, TransformRecord, UserTransforms } from "./calc/transform.ts"
export { UserRecords } from "./calc/user-records.ts"
export { Positioner, type PositionerOptions, type PositionerSetOptions } from "./positioner/positioner.ts"
export {
  type IsCloseOptions,
  PVPositioner,
  PVPositionerComparator,
  PVPositionerDone,
  PVPositionerIsClose,
  type PVPositionerOptions,
  PVPositionerPC,
} from "./positioner/variants.ts"
export { EpicsScaler } from "./scaler/epics-scaler.ts"
export { ScalerCH, ScalerChannel } from "./scaler/scaler-ch.ts"
export { ScalerFields, type ScalerOptions } from "./scaler/scaler-fields.ts"
export {
  ApsPssShutter,
  type ApsPssShutterOptions,
  EpicsShutter,
  Shutter,
  type ShutterOptions,
  type ShutterState,
  type ShutterTarget,
} from "./shutter.ts"
export {
  type EpicsSignalDevice,
  epicsSignalDevice,
  type SignalField,
  type SignalFields,
  type TypeName,
} from "./signal-device.ts"
