/** The thread that reads files of frames: a path comes, what was found goes. */
import { open } from "node:fs/promises"
import { parentPort } from "node:worker_threads"
import { Dataset, File, Group, ready } from "h5wasm/node"
import type { FrameCentre, FrameCentres, FrameCentresReply } from "./frame-centres.ts"

const images = "/entry/data/data"
const attributes = "/entry/instrument/NDAttributes"
/** What a detector stores with each frame that is no position. */
const own = /^(NDArray|ColorMode|AcquireTime|RingCurrent)/

async function read(path: string): Promise<FrameCentres> {
  await checkSignature(path)
  await ready
  const file = new File(path, "r")
  try {
    return centresIn(file)
  } finally {
    file.close()
  }
}

/** The library tells of a file that is none by a page on the error output: look before it does. */
async function checkSignature(path: string): Promise<void> {
  const file = await open(path)
  try {
    const { buffer } = await file.read(Buffer.alloc(8), 0, 8, 0)
    if (buffer.toString("latin1") !== "\x89HDF\r\n\x1a\n") throw new Error("it is no HDF5 file")
  } finally {
    await file.close()
  }
}

function centresIn(file: File): FrameCentres {
  const data = file.get(images)
  if (!(data instanceof Dataset) || data.shape?.length !== 3 || data.shape[0] === 0) {
    throw new Error(`it has no frames in ${images}`)
  }
  const [count = 0, rows = 0, columns = 0] = data.shape
  const beside = file.get(attributes)
  const stored = new Map<string, readonly number[]>()
  for (const name of beside instanceof Group ? beside.keys() : []) {
    const values = (beside as Group).get(name)
    if (!(values instanceof Dataset) || values.shape?.length !== 1 || values.shape[0] !== count) continue
    const numbers = values.value
    if (ArrayBuffer.isView(numbers)) stored.set(name, Array.from(numbers as Float64Array, Number))
  }
  const ids = stored.get("NDArrayUniqueId")
  const frames: FrameCentre[] = []
  for (let i = 0; i < count; i++) {
    const pixels = data.slice([[i, i + 1], [], []]) as ArrayLike<number>
    frames.push({ frame: ids?.[i] ?? i, ...centreOfFrame(pixels, rows, columns) })
  }
  return { frames, positions: new Map([...stored].filter(([name]) => !own.test(name))) }
}

/** Centre of mass of an image, row by row. The middle for one without counts. */
function centreOfFrame(
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

parentPort?.on("message", (path: string) => {
  read(path).then(
    found => reply({ found }),
    (error: unknown) => reply({ error: error instanceof Error ? error.message : String(error) }),
  )
})

const reply = (message: FrameCentresReply): void => parentPort?.postMessage(message)
