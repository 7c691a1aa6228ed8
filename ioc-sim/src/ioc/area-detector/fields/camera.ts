/** Parameters of the driver: ADBase.template of ADCore and simDetector.template of ADSimDetector. */
import { dataTypes } from "../frame.ts"
import { bare, chars, choice, double, long, noYes, r, rw, text, w } from "../parameters.ts"
import { adCoreVersion, arrayFields } from "./array.ts"

export const detectorStates = [
  "Idle",
  "Acquire",
  "Readout",
  "Correct",
  "Saving",
  "Aborting",
  "Error",
  "Waiting",
  "Initializing",
  "Disconnected",
  "Aborted",
] as const
export type DetectorState = (typeof detectorStates)[number]

/** Modes that the driver offers; the plugins know more. */
export const cameraColorModes = ["Mono", "RGB1", "RGB2", "RGB3"] as const
export const simModes = ["LinearRamp", "Peaks", "Sine", "Offset&Noise"] as const

const seconds = { precision: 3 } as const
const gain = (initial = 1) => rw(double(initial), { precision: 2 })
const sineOperation = () => rw(choice(["Add", "Multiply"]))

/** Where the region that is read out begins and how large it is. */
export interface Region {
  /** Columns and rows of the sensor. */
  readonly sensor: readonly [x: number, y: number]
  readonly size: readonly [x: number, y: number]
}

export const cameraFields = ({ sensor, size }: Region) =>
  ({
    ...arrayFields("SIM1"),
    DriverVersion: r(text("2.11.0")),
    SDKVersion: r(text("2.11.0")),
    FirmwareVersion: r(text("No firmware")),
    SerialNumber: r(text("No serial number")),
    Manufacturer: r(text("Simulated detector")),
    Model: r(text("Basic simulator")),
    ADCoreVersion: r(text(adCoreVersion)),
    AcquireBusy: bare(choice(["Done", "Acquiring"]), { severities: [0, 1], recordType: "busy" }),
    AcquireBusyCB: bare(choice(["Done", "Acquiring"]), { severities: [0, 1] }),
    WaitForPlugins: w(choice(noYes)),
    AcquireTime: rw(double(0.01), { ...seconds, limits: [0, 1e6] }),
    AcquirePeriod: rw(double(0), { ...seconds, limits: [0, 1e6] }),
    TimeRemaining: r(double(), seconds),
    ImageMode: rw(choice(["Single", "Multiple", "Continuous"], 2)),
    TriggerMode: rw(choice(["Internal", "External"])),
    NumImages: rw(long(1)),
    NumImagesCounter: r(long()),
    NumExposures: rw(long(1)),
    NumExposuresCounter: r(long()),
    DetectorState: r(choice(detectorStates), { severities: [0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 1] }),
    StatusMessage: r(chars("Waiting for acquisition")),
    StringToServer: r(chars()),
    StringFromServer: r(chars()),
    ReadStatus: w(choice(["Done", "Read"])),
    MaxSizeX: r(long(sensor[0])),
    MaxSizeY: r(long(sensor[1])),
    MinX: rw(long()),
    MinY: rw(long()),
    SizeX: rw(long(size[0])),
    SizeY: rw(long(size[1])),
    BinX: rw(long(1)),
    BinY: rw(long(1)),
    ReverseX: rw(choice(noYes)),
    ReverseY: rw(choice(noYes)),
    Gain: rw(double(1), { precision: 3 }),
    Temperature: rw(double(25), { precision: 1, units: "C" }),
    TemperatureActual: bare(double(25), { precision: 1, units: "C" }),
    FrameType: rw(choice(["Normal", "Background", "FlatField", "DblCorrelation"])),
    ShutterMode: rw(choice(["None", "EPICS PV", "Detector output"]), {
      readbackChoices: ["None", "EPICS PV", "Camera output"],
    }),
    ShutterControl: rw(choice(["Close", "Open"])),
    ShutterStatus: r(choice(["Closed", "Open"]), { severities: [0, 1] }),
    ShutterStatusEPICS: r(choice(["Close", "Open"])),
    ShutterControlEPICS: bare(choice(["Closed", "Open"]), { severities: [0, 1] }),
    ShutterOpenEPICS: bare(double()),
    ShutterCloseEPICS: bare(double()),
    ShutterOpenDelay: rw(double(), seconds),
    ShutterCloseDelay: rw(double(), seconds),
    DataType: rw(choice(dataTypes, dataTypes.indexOf("UInt16"))),
    ColorMode: rw(choice(cameraColorModes)),
    SimMode: rw(choice(simModes, 1)),
    GainX: gain(),
    GainY: gain(),
    GainRed: gain(),
    GainGreen: gain(),
    GainBlue: gain(),
    Offset: rw(double(), { precision: 1 }),
    Noise: rw(double(), { precision: 1 }),
    Reset: rw(long()),
    PeakStartX: rw(long(32)),
    PeakStartY: rw(long(32)),
    PeakNumX: rw(long(4)),
    PeakNumY: rw(long(4)),
    PeakStepX: rw(long(64)),
    PeakStepY: rw(long(64)),
    PeakWidthX: rw(long(5)),
    PeakWidthY: rw(long(5)),
    PeakVariation: rw(double(), { precision: 1 }),
    XSineOperation: sineOperation(),
    YSineOperation: sineOperation(),
    XSine1Amplitude: gain(),
    XSine1Frequency: gain(),
    XSine1Phase: gain(0),
    XSine2Amplitude: gain(),
    XSine2Frequency: gain(2),
    XSine2Phase: gain(90),
    YSine1Amplitude: gain(),
    YSine1Frequency: gain(),
    YSine1Phase: gain(0),
    YSine2Amplitude: gain(),
    YSine2Frequency: gain(2),
    YSine2Phase: gain(90),
    // Last: a setting with a completion of its own.
    Acquire: rw(choice(["Done", "Acquire"]), { readbackChoices: ["Done", "Acquiring"], severities: [0, 1] }),
  }) as const
