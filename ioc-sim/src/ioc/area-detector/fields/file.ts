/** Parameters of plugins that write files: NDFile.template of ADCore, and NDFileHDF5.template. */
import { bare, busy, chars, choice, command, double, long, noYes, r, rw, text } from "../parameters.ts"

export const writeModes = ["Single", "Capture", "Stream"] as const

/** @param format what the plugin writes; @param template its file names. */
export const fileFields = (format: string, template: string) =>
  ({
    FilePath: rw(chars()),
    FilePathExists: r(choice(noYes), { severities: [2, 0] }),
    CreateDirectory: rw(long()),
    FileName: rw(chars()),
    FileNumber: rw(long(0)),
    AutoIncrement: rw(choice(noYes, 1)),
    FileTemplate: rw(chars(template)),
    FullFileName: r(chars("", 512)),
    FileFormat: rw(choice([format, "Undefined"])),
    FileWriteMode: rw(choice(writeModes)),
    AutoSave: rw(choice(noYes)),
    WriteFile: busy(choice(["Done", "Write"]), { readbackChoices: ["Done", "Writing"], severities: [0, 1] }),
    ReadFile: busy(choice(["Done", "Read"]), { readbackChoices: ["Done", "Reading"], severities: [0, 1] }),
    Capture: busy(choice(["Done", "Capture"]), {
      readbackChoices: ["Done", "Capturing"],
      severities: [0, 1],
    }),
    NumCapture: rw(long(1)),
    NumCaptured: r(long()),
    FreeCapture: rw(choice(["", "Free"])),
    WriteStatus: bare(choice(["Write OK", "Write error"]), { severities: [0, 2] }),
    WriteMessage: bare(chars()),
    LazyOpen: rw(choice(noYes)),
    TempSuffix: rw(text()),
    DeleteDriverFile: rw(choice(noYes)),
  }) as const

export const compressions = ["None", "N-bit", "szip", "zlib", "Blosc", "BSLZ4", "LZ4", "JPEG"] as const

/** Names of the dimensions that may come before those of the image. */
const extra = ["N", "X", "Y", "3", "4", "5", "6", "7", "8", "9"] as const

const perExtra = <K extends string, P>(names: (dimension: string) => K, parameter: () => P): Record<K, P> =>
  Object.fromEntries(extra.map(each => [names(each), parameter()])) as Record<K, P>

export const hdf5Fields = {
  NumFramesChunks: rw(long()),
  NumRowChunks: rw(long()),
  NumColChunks: rw(long()),
  ChunkSizeAuto: rw(choice(noYes, 1)),
  NDAttributeChunk: rw(long()),
  BoundaryAlign: rw(long(), { units: "bytes" }),
  BoundaryThreshold: rw(long(1), { units: "bytes" }),
  Compression: rw(choice(compressions)),
  NumDataBits: rw(long(8), { units: "bit" }),
  DataBitsOffset: rw(long(), { units: "bit" }),
  SZipNumPixels: rw(long(16)),
  ZLevel: rw(long(6), { limits: [0, 9] }),
  BloscCompressor: rw(choice(["BloscLZ", "LZ4", "LZ4HC", "SNAPPY", "ZLIB", "ZSTD"])),
  BloscShuffle: rw(choice(["None", "Byte", "Bit"])),
  BloscLevel: rw(long(5)),
  JPEGQuality: rw(long(90), { limits: [1, 100] }),
  StoreAttr: rw(choice(noYes, 1)),
  StorePerform: rw(choice(noYes, 1)),
  FillValue: rw(double(), { precision: 1 }),
  SWMRMode: rw(choice(["Off", "On"])),
  SWMRSupported: r(choice(["Not Supported", "Supported"], 1)),
  SWMRActive: r(choice(["Off", "Active"])),
  SWMRCbCounter: r(long()),
  FlushNow: command(choice(["Done", "Flush"])),
  NumFramesFlush: rw(long()),
  RunTime: bare(double(), { precision: 3, units: "s" }),
  IOSpeed: bare(double(), { precision: 1, units: "Mbit/s" }),
  XMLFileName: rw(chars("", 65_536)),
  XMLValid: r(choice(noYes, 1), { severities: [2, 0] }),
  XMLErrorMsg: r(chars()),
  NumExtraDims: rw(long()),
  PositionMode: rw(choice(["Off", "On"])),
  DimAttDatasets: rw(choice(noYes)),
  ...perExtra(
    n => `ExtraDimSize${n}` as const,
    () => rw(long(1)),
  ),
  ...perExtra(
    n => `ExtraDimChunk${n}` as const,
    () => rw(long(1)),
  ),
  ...perExtra(
    n => `ExtraDimName${n}` as const,
    () => r(text()),
  ),
  ...perExtra(
    n => `PosNameDim${n}` as const,
    () => rw(text()),
  ),
  ...perExtra(
    n => `PosIndexDim${n}` as const,
    () => rw(text()),
  ),
} as const
