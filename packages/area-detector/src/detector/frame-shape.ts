import type { AdDriver } from "../device/ad-driver.ts"
import { type NdDataType, numpyNames } from "../device/labels.ts"
import type { NdArrayDevice } from "../device/nd-array.ts"
import { isPresent } from "../device/optional.ts"
import { AreaDetectorError } from "../errors.ts"

/** What one frame is, as files have it. */
export interface FrameShape {
  /** Slowest first: rows, columns; colours where the colour mode puts them. */
  readonly shape: readonly number[]
  /** Array-protocol type: `<u2`. */
  readonly dtype: string
}

/** What has sizes of its own: a driver or a plugin. */
type Sized = NdArrayDevice & {
  readonly arraySizeX: NdArrayDevice["uniqueId"]
  readonly arraySizeY: NdArrayDevice["uniqueId"]
  readonly arraySizeZ: NdArrayDevice["uniqueId"]
}

/**
 * Shape and type of the frames that a device gave out last; from the dimensions of its last frame when it had one, else
 * from its sizes X, Y, Z. Throws UNKNOWN_SHAPE when neither is known.
 */
export async function frameShape(device: NdArrayDevice): Promise<FrameShape> {
  return await shapeOf(device, await sizesOf(device as Sized))
}

/**
 * Shape and type of the frames that a camera is going to give out. Its last frame tells; unless the region or the binning
 * has been changed since, then these do.
 */
export async function comingShape(driver: AdDriver): Promise<FrameShape> {
  const [last, region] = await Promise.all([sizesOf(driver), regionOf(driver)])
  const sorted = (sizes: readonly number[]) => [...sizes].sort((a, b) => a - b).join()
  // Some cameras turn their frames, so columns and rows may be exchanged.
  const asBefore = last.length !== 2 || region === null || sorted(last) === sorted(region)
  return await shapeOf(driver, asBefore ? last : region)
}

/** Columns and rows that are read out, after binning. */
async function regionOf({ sizeX, sizeY, binX, binY }: AdDriver): Promise<number[] | null> {
  const all = [sizeX, sizeY, binX, binY]
  if (!all.every(isPresent)) return null
  const [x = 0, y = 0, bx = 1, by = 1] = await Promise.all(all.map(signal => signal.get()))
  return [Math.floor(x / Math.max(1, bx)), Math.floor(y / Math.max(1, by))]
}

async function shapeOf(device: NdArrayDevice, sizes: number[]): Promise<FrameShape> {
  const type = await device.dataType.get()
  if (sizes.length === 0 || sizes.some(size => !(size > 0))) {
    throw new AreaDetectorError(
      "UNKNOWN_SHAPE",
      `${device.name}: the size of its frames is not known (${sizes.join(" × ") || "no dimensions"}); take one frame first`,
    )
  }
  const dtype = numpyNames[type as NdDataType]
  if (dtype === undefined) {
    throw new AreaDetectorError("UNKNOWN_SHAPE", `${device.name}: frames of type ${type} are not known`)
  }
  return { shape: [...sizes].reverse(), dtype }
}

/** Fastest first. */
async function sizesOf(device: Sized): Promise<number[]> {
  const { nDimensions, arraySize0, arraySize1, arraySize2 } = device
  const all = [nDimensions, arraySize0, arraySize1, arraySize2]
  if (all.every(isPresent)) {
    const [n = 0, ...sizes] = await Promise.all(all.map(signal => signal.get()))
    if (n > 3)
      throw new AreaDetectorError(
        "UNKNOWN_SHAPE",
        `${device.name}: frames of ${n} dimensions are not supported`,
      )
    if (n > 0) return sizes.slice(0, n)
  }
  const xyz = [device.arraySizeX, device.arraySizeY, device.arraySizeZ].filter(isPresent)
  const [sizes, mode] = await Promise.all([
    Promise.all(xyz.map(signal => signal.get())),
    isPresent(device.colorMode) ? device.colorMode.get() : "Mono",
  ])
  const [x = 0, y = 0, z = 0] = sizes
  if (z <= 0) return [x, y]
  return mode === "RGB1" ? [z, x, y] : mode === "RGB2" ? [x, z, y] : [x, y, z]
}
