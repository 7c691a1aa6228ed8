import { PvaInputError } from "../errors.ts"
import { PvAny } from "../values/any.ts"
import { create } from "../values/create.ts"
import { type ScalarName, structure, structureArray, t, union } from "../values/field-type.ts"
import { type NumericName, numeric, type TypedArray } from "../values/numeric.ts"
import { PvUnion } from "../values/union.ts"
import type { AnyInput, InputOf, PvStructureValue, ValueOf } from "../values/value-of.ts"
import { alarmType, field, readTimeStamp, type TimeStamp, timeStamp, timeType } from "./common.ts"

const pixelNames = [
  "boolean",
  "byte",
  "short",
  "int",
  "long",
  "ubyte",
  "ushort",
  "uint",
  "ulong",
  "float",
  "double",
] as const satisfies readonly ScalarName[]

/** The type NTNDArray, in the member order that pvxs uses. Read one by name: areaDetector's order differs. */
export const ntNdArray = structure("epics:nt/NTNDArray:1.0", {
  value: union("", {
    booleanValue: t.booleans,
    byteValue: t.bytes,
    shortValue: t.shorts,
    intValue: t.ints,
    longValue: t.longs,
    ubyteValue: t.ubytes,
    ushortValue: t.ushorts,
    uintValue: t.uints,
    ulongValue: t.ulongs,
    floatValue: t.floats,
    doubleValue: t.doubles,
  }),
  codec: structure("codec_t", { name: t.string, parameters: t.any }),
  compressedSize: t.long,
  uncompressedSize: t.long,
  uniqueId: t.int,
  dataTimeStamp: timeType,
  alarm: alarmType,
  timeStamp: timeType,
  dimension: structureArray(
    structure("dimension_t", {
      size: t.int,
      offset: t.int,
      fullSize: t.int,
      binning: t.int,
      reverse: t.boolean,
    }),
  ),
  attribute: structureArray(
    structure("epics:nt/NTAttribute:1.0", {
      name: t.string,
      value: t.any,
      tags: t.strings,
      descriptor: t.string,
      alarm: alarmType,
      timeStamp: timeType,
      sourceType: t.int,
      source: t.string,
    }),
  ),
})

/** Arrangement of colours, as areaDetector numbers them. */
export const colorModes = ["Mono", "Bayer", "RGB1", "RGB2", "RGB3", "YUV444", "YUV422", "YUV421"] as const
export type ColorMode = (typeof colorModes)[number]

/** An attribute to send: its value alone, or with what is said of it. Numbers are doubles unless a PvAny says more. */
export type NdAttributeInput =
  | AnyInput
  | {
      readonly value: AnyInput
      readonly description?: string
      /** 0 driver, 1 parameter, 2 EPICS PV, 3 function, as areaDetector numbers them. Default 0. */
      readonly sourceType?: number
      readonly source?: string
    }

/** How compressed pixels were compressed. */
export interface NdCodecInput {
  /** jpeg, blosc, lz4, bslz4, zlib. */
  readonly name: string
  /** Of the pixels before. */
  readonly pixelType: NumericName
  /** Default pvData's, which areaDetector's plugin of old uses. */
  readonly numbering?: PixelNumbering
}

/** An image to send. */
export interface NdArrayInput {
  /** The pixels, or with a `codec` their compressed bytes. Becomes the server's: do not change it afterwards. */
  readonly data: TypedArray
  /** Elements along each dimension, the one that varies fastest first. */
  readonly shape: readonly number[]
  /** Where the image is part of a larger one, per dimension. Default offset 0, not binned, not reversed, full size. */
  readonly dimensions?: readonly Partial<Omit<Dimension, "size">>[]
  /** Default none: the pixels are as they are. */
  readonly codec?: NdCodecInput
  /** Default Mono for up to two dimensions; said by the attribute ColorMode. */
  readonly colorMode?: ColorMode
  readonly uniqueId?: number
  /** When the image was taken. Default now. */
  readonly time?: TimeStamp
  readonly attributes?: Readonly<Record<string, NdAttributeInput>>
}

/**
 * The members of an NTNDArray for an image, to be posted. Throws PvaInputError when shape and pixels differ, or
 * compressed data are no bytes.
 */
export function ndArray(image: NdArrayInput): InputOf<typeof ntNdArray> {
  const { data, shape, dimensions = [], codec, colorMode, uniqueId = 0, attributes = {} } = image
  const time = image.time ?? timeStamp()
  const size = shape.reduce((product, n) => product * n, 1)
  if (codec === undefined && size !== data.length) {
    throw new PvaInputError(`an image of shape ${shape.join(" × ")} has ${size} elements, not ${data.length}`)
  }
  if (codec !== undefined && data.BYTES_PER_ELEMENT > 1)
    throw new PvaInputError(`compressed pixels are bytes, not ${data.constructor.name}`)
  const of = pixelNames.find(name => name !== "boolean" && data instanceof numeric[name].array)!
  const mode = colorMode ?? "Mono"
  const entries = Object.entries({ ColorMode: new PvAny(t.int, colorModes.indexOf(mode)), ...attributes })
  return {
    value: { name: `${of}Value`, value: data } as InputOf<typeof ntNdArray>["value"],
    codec: { name: codec?.name ?? "", parameters: codec === undefined ? null : pixelNumber(codec) },
    compressedSize: data.byteLength,
    uncompressedSize: codec === undefined ? data.byteLength : size * numeric[codec.pixelType].bytes,
    uniqueId,
    dataTimeStamp: time,
    timeStamp: time,
    dimension: shape.map((n, i) => ({
      ...{ size: n, offset: 0, fullSize: n, binning: 1, reverse: false },
      ...dimensions[i],
    })),
    attribute: entries.map(([name, attribute]) => attributeInput(name, attribute)),
  }
}

function pixelNumber({ pixelType, numbering }: NdCodecInput): PvAny {
  const names: readonly NumericName[] = numbering === "areaDetector" ? detectorNames : pixelNames
  return new PvAny(t.int, names.indexOf(pixelType))
}

function attributeInput(name: string, attribute: NdAttributeInput) {
  const isBare =
    typeof attribute !== "object" ||
    attribute === null ||
    attribute instanceof PvAny ||
    Array.isArray(attribute) ||
    ArrayBuffer.isView(attribute)
  if (isBare) return { name, value: attribute as AnyInput, sourceType: 0 }
  const {
    value,
    description = "",
    sourceType = 0,
    source = "",
  } = attribute as Exclude<NdAttributeInput, AnyInput>
  return { name, value, descriptor: description, sourceType, source }
}

/** A whole NTNDArray value of an image. */
export const createNdArray = (image: NdArrayInput): ValueOf<typeof ntNdArray> =>
  create(ntNdArray, ndArray(image))

/** How the type of the pixels behind a codec is numbered: as pvData does, or as areaDetector does. */
export type PixelNumbering = "pvData" | "areaDetector"

/** An image as it was received. */
export interface NdArray {
  /** The pixels; with a codec, its compressed bytes. Belongs to the caller. */
  readonly data: TypedArray
  /** Type of the pixels, also behind a codec; null where that cannot be told. */
  readonly pixelType: NumericName | null
  /** Elements along each dimension, the one that varies fastest first. */
  readonly shape: readonly number[]
  readonly dimensions: readonly Dimension[]
  /** "" for none; jpeg, blosc, lz4, bslz4 are in use. */
  readonly codec: string
  readonly compressedSize: number
  readonly uncompressedSize: number
  readonly colorMode: ColorMode
  readonly uniqueId: number
  readonly timeStamp: TimeStamp
  readonly attributes: ReadonlyMap<string, unknown>
}

export interface Dimension {
  readonly size: number
  readonly offset: number
  readonly fullSize: number
  readonly binning: number
  readonly reverse: boolean
}

/** Numbers areaDetector gives the pixel types; pvData's are the positions in `pixelNames`. */
const detectorNames: readonly NumericName[] = [
  "byte",
  "ubyte",
  "short",
  "ushort",
  "int",
  "uint",
  "long",
  "ulong",
  "float",
  "double",
]

/**
 * Reads an NTNDArray by name; null when the value is none, or holds no image yet. Two numberings of the pixel type
 * behind a codec are in use; the one that agrees with the sizes is taken, pvData's where both do, unless told.
 */
export function readNdArray(value: unknown, numbering?: PixelNumbering): NdArray | null {
  const selected = field(value, "value")
  // A group of records makes the value a variant, where the specification has a union.
  if (!(selected instanceof PvUnion || selected instanceof PvAny)) return null
  if (!ArrayBuffer.isView(selected.value)) return null
  const data = selected.value as TypedArray
  const dimensions = ((field(value, "dimension") ?? []) as readonly (PvStructureValue | null)[]).map(
    readDimension,
  )
  const shape = dimensions.map(d => d.size)
  const codec = String(field(value, "codec", "name") ?? "")
  const uncompressedSize = Number(field(value, "uncompressedSize") ?? data.byteLength)
  const attributes = readAttributes(value)
  const elements = shape.reduce((product, n) => product * n, 1)
  const coded = (): NumericName | null => {
    const parameter = field(value, "codec", "parameters")
    const number = parameter instanceof PvAny ? Number(parameter.value) : Number.NaN
    return pixelBehindCodec(number, uncompressedSize / elements, numbering)
  }
  return {
    data,
    pixelType: codec === "" ? elementOf(selected) : coded(),
    shape,
    dimensions,
    codec,
    compressedSize: Number(field(value, "compressedSize") ?? data.byteLength),
    uncompressedSize,
    colorMode: colorModes[Number(attributes.get("ColorMode") ?? 0)] ?? "Mono",
    uniqueId: Number(field(value, "uniqueId") ?? 0),
    timeStamp: readTimeStamp(value, "dataTimeStamp") ?? { secondsPastEpoch: 0, nanoseconds: 0, userTag: 0 },
    attributes,
  }
}

const elementOf = (selected: PvUnion | PvAny): NumericName | null => {
  if (selected instanceof PvUnion) return selected.name.replace(/Value$/, "") as NumericName
  return selected.type.kind === "scalar[]" ? (selected.type.of as NumericName) : null
}

function pixelBehindCodec(
  number: number,
  bytes: number,
  numbering: PixelNumbering | undefined,
): NumericName | null {
  const byNumbering = { pvData: pixelNames[number], areaDetector: detectorNames[number] }
  if (numbering !== undefined) return byNumbering[numbering] ?? null
  const fits = (name: NumericName | undefined): boolean => name !== undefined && numeric[name].bytes === bytes
  return [byNumbering.pvData, byNumbering.areaDetector].find(fits) ?? null
}

const readDimension = (value: PvStructureValue | null): Dimension => {
  const number = (name: string): number => Number(value?.[name] ?? 0)
  return {
    size: number("size"),
    offset: number("offset"),
    fullSize: number("fullSize"),
    binning: number("binning"),
    reverse: value?.["reverse"] === true,
  }
}

function readAttributes(value: unknown): Map<string, unknown> {
  const attributes = new Map<string, unknown>()
  for (const each of (field(value, "attribute") ?? []) as readonly (PvStructureValue | null)[]) {
    const content = field(each, "value")
    if (each !== null)
      attributes.set(String(each["name"]), content instanceof PvAny ? content.value : content)
  }
  return attributes
}
