/** Names by which asyn knows parameters of the driver, as attributes of images name them. */
export const driverParameters = {
  ACQ_TIME: "AcquireTime",
  ACQ_PERIOD: "AcquirePeriod",
  ARRAY_COUNTER: "ArrayCounter",
  BIN_X: "BinX",
  BIN_Y: "BinY",
  COLOR_MODE: "ColorMode",
  DATA_TYPE: "DataType",
  GAIN: "Gain",
  IMAGE_MODE: "ImageMode",
  MANUFACTURER: "Manufacturer",
  MAX_SIZE_X: "MaxSizeX",
  MAX_SIZE_Y: "MaxSizeY",
  MIN_X: "MinX",
  MIN_Y: "MinY",
  MODEL: "Model",
  NEXPOSURES: "NumExposures",
  NIMAGES: "NumImages",
  NIMAGES_COUNTER: "NumImagesCounter",
  SERIAL_NUMBER: "SerialNumber",
  SIZE_X: "SizeX",
  SIZE_Y: "SizeY",
  STATUS: "DetectorState",
  TEMPERATURE: "Temperature",
  TRIGGER_MODE: "TriggerMode",
} as const

export type DriverParameter = keyof typeof driverParameters
