/** Where the points of a scan lie: pure geometry, one array of coordinates per axis. */

/** Evenly spaced values, both ends included. */
export function linspace(start: number, stop: number, num: number): number[] {
  if (num === 1) return [start]
  const step = (stop - start) / (num - 1)
  return Array.from({ length: num }, (_, i) => (i === num - 1 ? stop : i * step + start))
}

/** Powers of ten whose exponents are evenly spaced from `start` to `stop`. */
export const logspace = (start: number, stop: number, num: number): number[] =>
  linspace(start, stop, num).map(exponent => 10 ** exponent)

/**
 * All combinations, the last axis fastest; gives the points, each with one value per axis. A snaked axis turns round
 * each time instead of jumping back.
 */
export function outerProduct(axes: readonly (readonly number[])[], snaking: readonly boolean[]): number[][] {
  const [first, ...others] = axes
  if (first === undefined) return [[]]
  // Rows of the faster axes, and the same for a pass in which the snaked ones start turned round.
  let points = first.map(x => [x])
  others.forEach((axis, i) => {
    const snaked = snaking[i + 1] === true
    points = points.flatMap((slow, pass) => {
      const values = snaked && pass % 2 === 1 ? [...axis].reverse() : axis
      return values.map(x => [...slow, x])
    })
  })
  return points
}

export interface SpiralArea {
  /** Width and height of the area. */
  xRange: number
  yRange: number
  /** Distance between rings along x; along y it is `drY`, by default the same. */
  dr: number
  drY?: number | null
  /** Radians by which the area's sides lean. */
  tilt?: number
}

function inside({ xRange, yRange, dr, drY, tilt = 0 }: SpiralArea) {
  const aspect = drY === undefined || drY === null ? 1 : drY / dr
  const halfX = xRange / 2
  const halfY = yRange / (2 * aspect)
  const lean = Math.tan(tilt + Math.PI / 2)
  return { aspect, halfX, halfY, lean, radius: Math.hypot(halfX, halfY) }
}

/** Points on growing rings around the centre; ring i has about i × `nth` points. Offsets from the centre. */
export function spiral(area: SpiralArea, nth: number): [number, number][] {
  const { aspect, halfX, halfY, lean, radius } = inside(area)
  const rings = 2 + Math.trunc(radius / area.dr)
  const points: [number, number][] = []
  for (let ring = 1; ring <= rings; ring++) {
    const r = ring * area.dr
    const step = (2 * Math.PI) / (ring * nth)
    for (let i = 0; i < Math.trunc(ring * nth); i++) {
      const x = r * Math.cos(i * step)
      const y = r * Math.sin(i * step) * aspect
      const flat = y / aspect
      if (Math.abs(x - flat / lean) <= halfX && Math.abs(flat) <= halfY) points.push([x, y])
    }
  }
  return points
}

/** A Fermat spiral: evenly dense, each point turned on by the golden angle. Offsets from the centre. */
export function fermat(area: SpiralArea, factor: number): [number, number][] {
  const { aspect, halfX, halfY, lean, radius } = inside(area)
  const golden = (137.508 * Math.PI) / 180
  const count = Math.trunc(((1.5 * radius) / (area.dr / factor)) ** 2)
  const points: [number, number][] = []
  for (let i = 1; i < count; i++) {
    const r = (Math.sqrt(i) * area.dr) / factor
    const x = r * Math.cos(golden * i)
    const y = r * Math.sin(golden * i) * aspect
    if (Math.abs(x - y / aspect / lean) <= halfX && Math.abs(y) <= halfY) points.push([x, y])
  }
  return points
}

/**
 * Every node of an `xNum` × `yNum` grid in a square spiral from the middle: to the right, then down, left, up. Offsets
 * from the centre.
 */
export function squareSpiral(xRange: number, yRange: number, xNum: number, yNum: number): [number, number][] {
  const dx = xRange / (xNum - 1)
  const dy = yRange / (yNum - 1)
  // With an even number of columns or rows no node is in the middle: begin at its right or lower neighbour.
  const shiftX = xNum % 2 === 0 ? 0.5 : 0
  const shiftY = yNum % 2 === 0 ? -0.5 : 0
  const fits = (i: number, shift: number, num: number) => Math.abs(i - shift) < num / 2
  const points: [number, number][] = []
  const add = (i: number, j: number) => {
    if (fits(i, shiftX, xNum) && fits(j, shiftY, yNum)) points.push([dx * (i - shiftX), dy * (j - shiftY)])
  }
  add(0, 0)
  for (let k = 1; k < Math.max(xNum, yNum); k++) {
    for (let j = k - 1; j >= -k; j--) add(k, j)
    for (let i = k - 1; i >= -k; i--) add(i, -k)
    for (let j = -k + 1; j <= k; j++) add(-k, j)
    for (let i = -k + 1; i <= k; i++) add(i, k)
  }
  return points
}
