import { type ChoiceType, choice } from "@ophyd-ts/core"

/** Element types of frames. ADCore before 3.8 has no 64-bit integers. */
export const dataTypes = [
  "Int8",
  "UInt8",
  "Int16",
  "UInt16",
  "Int32",
  "UInt32",
  "Int64",
  "UInt64",
  "Float32",
  "Float64",
] as const

export type NdDataType = (typeof dataTypes)[number]

/** A driver that cannot do all of them has empty labels in their places. */
export const dataType: ChoiceType<NdDataType | ""> = choice.superset(...dataTypes, "")

/** Array-protocol names of the element types. */
export const numpyNames: Readonly<Record<NdDataType, string>> = {
  Int8: "|i1",
  UInt8: "|u1",
  Int16: "<i2",
  UInt16: "<u2",
  Int32: "<i4",
  UInt32: "<u4",
  Int64: "<i8",
  UInt64: "<u8",
  Float32: "<f4",
  Float64: "<f8",
}

/** What the axes of a frame mean. Drivers may offer fewer. */
export const colorMode = choice.superset(
  "Mono",
  "Bayer",
  "RGB1",
  "RGB2",
  "RGB3",
  "YUV444",
  "YUV422",
  "YUV421",
  "",
)
/** How many frames one acquisition takes. Drivers may have more modes. */
export const imageMode = choice.subset("Single", "Multiple", "Continuous")
