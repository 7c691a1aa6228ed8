/** Small pictures of paths as SVG text: the same text for the same points, in colours that do on light and dark pages. */

type XY = readonly [x: number, y: number]

const [width, height] = [320, 220]
const frame = { left: 44, right: 12, top: 12, bottom: 32 }
const [grey, blue] = ["#8b949e", "#2f81f7"]

/** One tenth of a pixel is enough, and hides the last bits in which machines differ. */
const px = (value: number): string => String(Math.round(value * 10) / 10 + 0)

/** A position as text: at most three digits after the point. */
const number = (value: number): string => String(Math.round(value * 1000) / 1000 + 0)

const text = (x: number, y: number, words: string, anchor = "middle"): string =>
  `<text x="${px(x)}" y="${px(y)}" text-anchor="${anchor}">${words}</text>`

const path = (points: readonly XY[], dashed = false): string =>
  `<path d="M${points.map(([x, y]) => `${px(x)} ${px(y)}`).join(" L")}" fill="none" stroke="${dashed ? grey : blue}"${dashed ? ' stroke-dasharray="3 3"' : ' stroke-opacity="0.5"'}/>`

const dot = ([x, y]: XY): string => `<circle cx="${px(x)}" cy="${px(y)}" r="2.6" fill="${blue}"/>`

const ring = ([x, y]: XY): string =>
  `<circle cx="${px(x)}" cy="${px(y)}" r="5" fill="none" stroke="${grey}" stroke-width="1.5"/>`

const svg = (label: string, h: number, parts: readonly string[]): string =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${h}" viewBox="0 0 ${width} ${h}" role="img" aria-label="${label}" font-family="sans-serif" font-size="11" fill="${grey}">`,
    ...parts.map(part => `  ${part}`),
    "</svg>",
    "",
  ].join("\n")

interface Range {
  low: number
  high: number
}

function rangeOf(values: readonly number[]): Range {
  const [low, high] = [Math.min(...values), Math.max(...values)]
  return low === high ? { low: low - 1, high: high + 1 } : { low, high }
}

/** Axes with the ends of their ranges, and how a point comes onto the picture. */
function axes(names: readonly [string, string], x: Range, y: Range, same: boolean) {
  const [w, h] = [width - frame.left - frame.right, height - frame.top - frame.bottom]
  const inset = 8
  let [sx, sy] = [(w - 2 * inset) / (x.high - x.low), (h - 2 * inset) / (y.high - y.low)]
  if (same) sx = sy = Math.min(sx, sy)
  const place = ([px, py]: XY): XY => [
    frame.left + w / 2 + (px - (x.low + x.high) / 2) * sx,
    frame.top + h / 2 - (py - (y.low + y.high) / 2) * sy,
  ]
  const [left, low] = place([x.low, y.low])
  const [right, high] = place([x.high, y.high])
  const below = frame.top + h + 14
  const parts = [
    `<rect x="${frame.left}" y="${frame.top}" width="${w}" height="${h}" fill="none" stroke="${grey}" stroke-opacity="0.4"/>`,
    text(left, below, number(x.low)),
    text(right, below, number(x.high)),
    text((left + right) / 2, below + 12, names[0]),
    text(frame.left - 6, low + 4, number(y.low), "end"),
    text(frame.left - 6, high + 4, number(y.high), "end"),
    text(frame.left - 6, (low + high) / 2 + 4, names[1], "end"),
  ]
  return { place, parts }
}

/** The way there, along the points, and back. */
function journey(points: readonly XY[], around: readonly [start: XY, end: XY] | null): string[] {
  const parts = [path(points), ...points.map(dot)]
  if (around === null) return parts
  const [start, end] = around
  return [
    path([start, points[0]!], true),
    path([points.at(-1)!, end], true),
    ring(start),
    ring(end),
    ...parts,
  ]
}

/** One motor: its position against the number of the point. */
export function drawAlong(
  label: string,
  motor: string,
  values: readonly number[],
  around: readonly [start: number, end: number] | null,
): string {
  const x = around === null ? { low: 1, high: values.length } : { low: 0, high: values.length + 1 }
  const { place, parts } = axes(["point", motor], x, rangeOf([...values, ...(around ?? [])]), false)
  const points = values.map((value, i) => place([i + 1, value]))
  const ends = around && ([place([0, around[0]]), place([values.length + 1, around[1]])] as const)
  return svg(label, height, [...parts, ...journey(points, ends)])
}

/** Two motors: the path in their plane, both to the same scale. */
export function drawInPlane(
  label: string,
  motors: readonly [string, string],
  points: readonly XY[],
  around: readonly [start: XY, end: XY] | null,
): string {
  const all = [...points, ...(around ?? [])]
  const { place, parts } = axes(motors, rangeOf(all.map(p => p[0])), rangeOf(all.map(p => p[1])), true)
  const ends = around && ([place(around[0]), place(around[1])] as const)
  return svg(label, height, [...parts, ...journey(points.map(place), ends)])
}

/** No motor: what happens, one after the other. */
export function drawInTime(label: string, steps: readonly string[]): string {
  const [h, y] = [56, 20]
  const step = (width - 60) / Math.max(1, steps.length - 1)
  const places = steps.map((_, i): XY => [30 + i * step, y])
  const marks = steps.flatMap((what, i) => {
    const [x] = places[i]!
    return what === "sleep" ? [] : [dot([x, y]), text(x, y + 20, what)]
  })
  const lines = places.slice(1).map((to, i) => {
    const waits = steps[i] === "sleep" || steps[i + 1] === "sleep"
    return path([places[i]!, to], waits)
  })
  const sleeps = steps.flatMap((what, i) => (what === "sleep" ? [text(places[i]![0], y - 6, "sleep")] : []))
  return svg(label, h, [...lines, ...marks, ...sleeps])
}
