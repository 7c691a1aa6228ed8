/** Parameters that every source of images has, camera and plugins: NDArrayBase.template of ADCore. */
import { colorModes, dataTypes } from "../frame.ts"
import { array, bare, chars, choice, disableEnable, double, long, r, rw, text, w } from "../parameters.ts"

/** Version of ADCore whose records and behaviour are simulated. */
export const adCoreVersion = "3.12.1"

const dimension = () => rw(long())

/** @param portName asyn port of the source. @param arrayCallbacks whether it passes images on at first. */
export const arrayFields = (portName: string, arrayCallbacks = true) =>
  ({
    PortName: r(text(portName)),
    ADCoreVersion: r(text(adCoreVersion)),
    DriverVersion: r(text(adCoreVersion)),
    NDimensions: rw(long()),
    Dimensions: rw(array("LONG", 10)),
    ArraySize0: dimension(),
    ArraySize1: dimension(),
    ArraySize2: dimension(),
    ArraySize3: dimension(),
    ArraySize4: dimension(),
    ArraySize5: dimension(),
    ArraySize6: dimension(),
    ArraySize7: dimension(),
    ArraySize8: dimension(),
    ArraySize9: dimension(),
    ArraySizeX: r(long()),
    ArraySizeY: r(long()),
    ArraySizeZ: r(long()),
    ArraySize: r(long()),
    Codec: r(text()),
    CompressedSize: r(long()),
    BayerPattern: r(choice(["RGGB", "GBRG", "GRBG", "BGGR"])),
    UniqueId: r(long()),
    TimeStamp: r(double(), { precision: 3 }),
    EpicsTSSec: r(long()),
    EpicsTSNsec: r(long()),
    ArrayCounter: rw(long()),
    ArrayRate: r(double(), { precision: 2, units: "Hz" }),
    ArrayCallbacks: rw(choice(disableEnable, arrayCallbacks ? 1 : 0), { severities: [0, 1] }),
    NDAttributesFile: w(chars()),
    NDAttributesMacros: w(chars()),
    NDAttributesStatus: bare(
      choice(["Attributes file OK", "File not found", "XML syntax error", "Macro substitution error"]),
      { severities: [0, 1, 2, 2] },
    ),
    PoolMaxMem: bare(double(), { precision: 1, units: "MB" }),
    PoolUsedMem: bare(double(), { precision: 1, units: "MB" }),
    PoolMaxBuffers: bare(long()),
    PoolAllocBuffers: bare(long()),
    PoolFreeBuffers: bare(long()),
    PoolUsedBuffers: bare(long()),
    EmptyFreeList: w(choice(["", "Empty"])),
    NumQueuedArrays: bare(long()),
  }) as const

/** DataType and ColorMode of a plugin: those of the image that it has seen last. */
export const seenFields = {
  DataType: rw(choice(dataTypes)),
  ColorMode: rw(choice(colorModes)),
} as const
