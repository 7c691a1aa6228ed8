import { open } from "node:fs/promises"
import { DmSimError, messageOf } from "./errors.ts"

/** Centre of mass of one frame, in pixels from its first one. */
export interface FrameCentre {
  /** `uniqueId` of the frame; its position in the file where that has none. */
  readonly frame: number
  readonly x: number
  readonly y: number
  /** All counts. */
  readonly sum: number
}

/** What is known about a file of frames. */
export interface FrameCentres {
  readonly frames: readonly FrameCentre[]
  /** Positions by motor, as long as `frames`: numbers that the detector has stored with each frame. */
  readonly positions: ReadonlyMap<string, readonly number[]>
}

const images = "/entry/data/data"
const attributes = "/entry/instrument/NDAttributes"
/** What a detector stores with each frame that is no position. */
const own = /^(NDArray|ColorMode|AcquireTime|RingCurrent)/

/**
 * Reads an HDF5 file as area detectors write them, frame by frame.
 * @throws DmSimError when it is none, or holds no frames.
 */
export async function frameCentres(path: string): Promise<FrameCentres> {
  // The library is large; services that read no HDF5 do not load it.
  const { Dataset, File, Group, ready } = await import("h5wasm/node")
  await ready
  await checkSignature(path)
  const file = new File(path, "r")
  try {
    const data = file.get(images)
    if (!(data instanceof Dataset) || data.shape?.length !== 3 || data.shape[0] === 0) {
      throw new Error(`it has no frames in ${images}`)
    }
    const [count = 0, rows = 0, columns = 0] = data.shape
    const beside = file.get(attributes)
    const stored = new Map<string, readonly number[]>()
    for (const name of beside instanceof Group ? beside.keys() : []) {
      const values = (beside as InstanceType<typeof Group>).get(name)
      if (
        values instanceof Dataset &&
        values.shape?.[0] === count &&
        !values.dtype.toString().startsWith("S")
      )
        stored.set(name, Array.from(values.value as ArrayLike<number>, Number))
    }
    const ids = stored.get("NDArrayUniqueId")
    const frames: FrameCentre[] = []
    for (let i = 0; i < count; i++) {
      const pixels = data.slice([[i, i + 1], [], []]) as ArrayLike<number>
      frames.push({ frame: ids?.[i] ?? i, ...centreOfFrame(pixels, rows, columns) })
      // The service has other work, too.
      await new Promise(resolve => setImmediate(resolve))
    }
    return { frames, positions: new Map([...stored].filter(([name]) => !own.test(name))) }
  } catch (cause) {
    throw new DmSimError("DM_SIM_NO_DATA", `${path}: ${messageOf(cause)}`, { cause })
  } finally {
    file.close()
  }
}

/** The library tells of a file that is none by a page on the error output: look before it does. */
async function checkSignature(path: string): Promise<void> {
  await using file = await open(path)
  const { buffer } = await file.read(Buffer.alloc(8), 0, 8, 0)
  if (buffer.toString("latin1") !== "\x89HDF\r\n\x1a\n") {
    throw new DmSimError("DM_SIM_NO_DATA", `${path} is no HDF5 file`)
  }
}

/** Centre of mass of an image, row by row. The middle for one without counts. */
export function centreOfFrame(
  pixels: ArrayLike<number>,
  rows: number,
  columns: number,
): { x: number; y: number; sum: number } {
  let [x, y, sum] = [0, 0, 0]
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const counts = Number(pixels[row * columns + column])
      x += column * counts
      y += row * counts
      sum += counts
    }
  }
  return sum === 0 ? { x: (columns - 1) / 2, y: (rows - 1) / 2, sum } : { x: x / sum, y: y / sum, sum }
}

/** The motor that was scanned, if one was: the one that has moved most. */
export function scannedMotor({ positions }: FrameCentres): string | undefined {
  const range = (values: readonly number[]): number => Math.max(...values) - Math.min(...values)
  const [most] = [...positions].sort(([, a], [, b]) => range(b) - range(a))
  return most === undefined || range(most[1]) < 1e-3 ? undefined : most[0]
}
