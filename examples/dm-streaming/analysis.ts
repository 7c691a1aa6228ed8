import type { NdArray } from "pvxs-node"

/** What is found in a frame. Replace it by your science. */
export function centreOfMass({ data, shape }: NdArray): { x: number; y: number; sum: number } {
  const [columns = 1] = shape
  let [x, y, sum] = [0, 0, 0]
  for (let i = 0; i < data.length; i++) {
    const counts = Number(data[i])
    x += (i % columns) * counts
    y += Math.floor(i / columns) * counts
    sum += counts
  }
  return sum === 0 ? { x: 0, y: 0, sum } : { x: x / sum, y: y / sum, sum }
}
