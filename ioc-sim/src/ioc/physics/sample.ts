/** What the beam makes of the sample: rates of a detector behind it and of a monitor in front of it. */

/** The simulated sample: a peak over `x`, narrow, and over `y`, wide. */
export interface Sample {
  /** Millimetres. */
  readonly center: number
  /** Standard deviation in millimetres. */
  readonly width: number
  /** Counts per second on the peak, at 100 mA. */
  readonly peakRate: number
  /** Counts per second without beam. */
  readonly darkRate: number
}

/** What the beam is like. */
export interface Beam {
  /** Stored current in mA. */
  readonly current: number
  readonly shutterOpen: boolean
}

const monitorRate = 200_000
const widthAcross = 5

/** Share of 100 mA that arrives. */
export function intensity({ current, shutterOpen }: Beam): number {
  return shutterOpen ? current / 100 : 0
}

/** Mean counts per second of the detector with the sample at (x, y). */
export function detectorRate(sample: Sample, beam: Beam, x: number, y: number): number {
  const shape = Math.exp(-0.5 * ((x - sample.center) / sample.width) ** 2 - 0.5 * (y / widthAcross) ** 2)
  return sample.peakRate * shape * intensity(beam) + sample.darkRate
}

/** Mean counts per second of the monitor. */
export function incidentRate(beam: Beam): number {
  return monitorRate * intensity(beam)
}
