/** Randomness that a seed repeats. */

/** Numbers with the distributions that a simulated beamline needs. */
export interface Noise {
  /** Uniform from 0 up to but not including 1. */
  uniform(): number
  /** Normal with mean 0 and standard deviation 1. */
  normal(): number
  /** Events counted when `mean` are expected. */
  poisson(mean: number): number
}

/** The same seed gives the same numbers on every machine. */
export function seededNoise(seed: number): Noise {
  let state = seed >>> 0
  // The finaliser of MurmurHash3 over a Weyl sequence: plenty for noise.
  const uniform = (): number => {
    state = (state + 0x9e3779b9) >>> 0
    let x = state
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
    return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32
  }
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
  const poisson = (mean: number): number => {
    if (!(mean > 0)) return 0
    if (mean > 50) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()))
    let count = 0
    for (let p = uniform(); p > Math.exp(-mean); p *= uniform()) count++
    return count
  }
  return { uniform, normal, poisson }
}
