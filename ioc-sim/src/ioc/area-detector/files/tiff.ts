/** An image as the bytes of a TIFF file (TIFF 6.0), with the private tags that ADCore's TIFF plugin adds. */
import { type DataType, type Frame, sizesOf } from "../frame.ts"

const [short, long, double] = [3, 4, 12]
const sizes: Readonly<Record<number, number>> = { [short]: 2, [long]: 4, [double]: 8 }

/** SampleFormat: unsigned, signed, floating point. */
const formats: Readonly<Record<DataType, number>> = {
  Int8: 2,
  UInt8: 1,
  Int16: 2,
  UInt16: 1,
  Int32: 2,
  UInt32: 1,
  Int64: 2,
  UInt64: 1,
  Float32: 3,
  Float64: 3,
}

interface Tag {
  readonly number: number
  readonly type: number
  readonly values: readonly number[]
}

/** Where pieces of the pixels begin and how long they are. */
interface Strips {
  readonly offsets: readonly number[]
  readonly length: number
  readonly rows: number
}

const headerBytes = 8
const entryBytes = 12

/** Header, pixels, values of tags that are too long for the directory, directory. */
export function encodeTiff(frame: Frame): Uint8Array {
  const { data } = frame
  const tags = tagsOf(frame)
  const valuesAt = even(headerBytes + data.byteLength)
  const outside = tags.filter(tag => bytesOf(tag) > 4)
  const directoryAt = valuesAt + outside.reduce((sum, tag) => sum + even(bytesOf(tag)), 0)
  const file = new Uint8Array(directoryAt + 2 + tags.length * entryBytes + 4)
  const view = new DataView(file.buffer)
  file.set([0x49, 0x49, 42, 0])
  view.setUint32(4, directoryAt, true)
  file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), headerBytes)
  view.setUint16(directoryAt, tags.length, true)
  let values = valuesAt
  tags.forEach((tag, i) => {
    const entry = directoryAt + 2 + i * entryBytes
    view.setUint16(entry, tag.number, true)
    view.setUint16(entry + 2, tag.type, true)
    view.setUint32(entry + 4, tag.values.length, true)
    const inEntry = bytesOf(tag) <= 4
    put(view, inEntry ? entry + 8 : values, tag)
    if (inEntry) return
    view.setUint32(entry + 8, values, true)
    values += even(bytesOf(tag))
  })
  return file
}

function tagsOf(frame: Frame): Tag[] {
  const { data, dataType, colorMode } = frame
  const { x, y } = sizesOf(frame)
  const samples = colorMode === "Mono" ? 1 : 3
  const strips = stripsOf(frame)
  const each = (value: number): number[] => Array.from({ length: samples }, () => value)
  const separate = colorMode === "RGB2" || colorMode === "RGB3"
  return [
    { number: 256, type: long, values: [x] },
    { number: 257, type: long, values: [Math.max(1, y)] },
    { number: 258, type: short, values: each(data.BYTES_PER_ELEMENT * 8) },
    { number: 259, type: short, values: [1] },
    { number: 262, type: short, values: [samples === 1 ? 1 : 2] },
    { number: 273, type: long, values: strips.offsets.map(offset => headerBytes + offset) },
    { number: 277, type: short, values: [samples] },
    { number: 278, type: long, values: [strips.rows] },
    { number: 279, type: long, values: strips.offsets.map(() => strips.length) },
    { number: 284, type: short, values: [separate ? 2 : 1] },
    { number: 339, type: short, values: each(formats[dataType]) },
    { number: 65_000, type: double, values: [frame.timeStamp] },
    { number: 65_001, type: long, values: [frame.uniqueId] },
    { number: 65_002, type: long, values: [frame.seconds] },
    { number: 65_003, type: long, values: [frame.nanoseconds] },
  ]
}

/** Mono and RGB1 lie in one piece, RGB3 in one for each colour, RGB2 in one for each row of each colour. */
function stripsOf(frame: Frame): Strips {
  const { data, colorMode } = frame
  const { x, y } = sizesOf(frame)
  const rows = Math.max(1, y)
  if (colorMode === "RGB3") {
    const length = data.byteLength / 3
    return { offsets: [0, length, 2 * length], length, rows }
  }
  if (colorMode !== "RGB2") return { offsets: [0], length: data.byteLength, rows }
  const length = x * data.BYTES_PER_ELEMENT
  const offsets = [0, 1, 2].flatMap(color =>
    Array.from({ length: rows }, (_, row) => (row * 3 + color) * length),
  )
  return { offsets, length, rows: 1 }
}

const bytesOf = ({ type, values }: Tag): number => (sizes[type] ?? 1) * values.length

const even = (bytes: number): number => bytes + (bytes % 2)

function put(view: DataView, at: number, { type, values }: Tag): void {
  values.forEach((value, i) => {
    const place = at + i * (sizes[type] ?? 1)
    if (type === short) view.setUint16(place, value, true)
    else if (type === long) view.setUint32(place, value, true)
    else view.setFloat64(place, value, true)
  })
}
