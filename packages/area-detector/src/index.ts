export {
  AreaDetector,
  type AreaDetectorOptions,
  type DetectorOptions,
  type DetectorParts,
  type DriverClass,
} from "./detector/area-detector.ts"
export { AcquireLogic, type ArmOptions } from "./detector/arm-logic.ts"
export {
  type FileFormat,
  type Hdf5Options,
  hdf5Format,
  imageKey,
  type Resource,
  tiffFormat,
} from "./detector/file-format.ts"
export type { FileOptions } from "./detector/file-parts.ts"
export { FileWriter, type FileWriterOptions } from "./detector/file-writer.ts"
export { comingShape, type FrameShape, frameShape } from "./detector/frame-shape.ts"
export type {
  AcquisitionStart,
  ArmLogic,
  DataContext,
  DataLogic,
  TriggerLogic,
  TriggerRequest,
} from "./detector/logic.ts"
export { PluginValues } from "./detector/plugin-values.ts"
export { type PortLink, validatePorts } from "./detector/ports.ts"
export { type SettingOptions, Settings } from "./detector/settings.ts"
export { SimDetector } from "./detector/sim-detector.ts"
export type { TriggerInfo, TriggerKind } from "./detector/trigger-info.ts"
export { baseTriggers, type TriggerModes, triggerModes, writeExposure } from "./detector/trigger-logic.ts"
export { AdDevice, type AdDeviceOptions } from "./device/ad-device.ts"
export { AdDriver } from "./device/ad-driver.ts"
export { colorMode, dataType, dataTypes, imageMode, type NdDataType } from "./device/labels.ts"
export { NdArrayDevice } from "./device/nd-array.ts"
export { isPresent, OptionalSignals } from "./device/optional.ts"
export { SimDriver } from "./device/sim-driver.ts"
export * from "./errors.ts"
export * from "./images/index.ts"
export {
  joinPath,
  type PathInfo,
  type PathOptions,
  type PathProvider,
  type PathRequest,
} from "./paths/provider.ts"
export {
  type DatedPathOptions,
  datedPaths,
  type ExperimentPathOptions,
  experimentPaths,
  mappedPaths,
  type NumberedPathOptions,
  numberedPaths,
  type RunPathOptions,
  type RunPathProvider,
  replaceRoot,
  runPaths,
  staticPaths,
} from "./paths/providers.ts"
export { fileUri } from "./paths/uri.ts"
export { FilePlugin } from "./plugins/file.ts"
export { type Hdf5Compression, Hdf5Plugin } from "./plugins/hdf5.ts"
export { NdPlugin, type PluginClass, type PluginOptions } from "./plugins/plugin.ts"
export { ProcessPlugin } from "./plugins/process.ts"
export { RoiPlugin } from "./plugins/roi.ts"
export { CodecPlugin, PvaPlugin, StdArraysPlugin, TransformPlugin } from "./plugins/simple.ts"
export { type PluginChoices, type PluginsOf, standardPlugins } from "./plugins/standard.ts"
export { StatsPlugin } from "./plugins/stats.ts"
export { TiffPlugin } from "./plugins/tiff.ts"
