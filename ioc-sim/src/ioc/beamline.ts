/** The beamline behind the PVs: records, physics, and how they hang together. It knows no protocol. */
import type { Clock } from "@ophyd-ts/core"
import { AreaDetector, type AreaDetectorOptions } from "./area-detector/area-detector.ts"
import type { FrameAttribute } from "./area-detector/frame.ts"
import type { Light } from "./area-detector/image/image.ts"
import { Detector } from "./devices/detector.ts"
import { Ring } from "./devices/ring.ts"
import { Shutter } from "./devices/shutter.ts"
import { Directory } from "./directory.ts"
import type { AxisFault } from "./physics/axis.ts"
import { seededNoise } from "./physics/random.ts"
import { type Beam, detectorRate, incidentRate } from "./physics/sample.ts"
import { MotorRecord } from "./records/motor.ts"
import type { SimRecord } from "./records/record.ts"
import { ScalerRecord } from "./records/scaler.ts"
import { BusyRecord } from "./records/value.ts"

/** Names of the motors, without prefix. */
export type MotorName = "m1" | "m2" | "m3"

/** What a beamline is made of. */
export interface BeamlineParts {
  readonly prefix: string
  readonly clock: Clock
  /** The same seed and the same requests at the same times give the same counts. */
  readonly seed: number
  readonly areaDetector?: AreaDetectorOptions
}

/** Counts in each peak of the area detector for one of the point detector. */
const countsPerPeak = 20
/** Pixels by which a millimetre of the sample stage moves the peaks. */
const pixelsPerMillimetre = 2

/** Sample stage, detectors, ring current, shutter and busy. */
export class Beamline {
  readonly motors: Readonly<Record<MotorName, MotorRecord>>
  readonly ring: Ring
  readonly shutter: Shutter
  readonly detector: Detector
  readonly areaDetector: AreaDetector
  readonly scaler: ScalerRecord
  readonly busy: BusyRecord
  #directory: Directory | undefined

  constructor({ prefix, clock, seed, areaDetector = {} }: BeamlineParts) {
    const noise = seededNoise(seed)
    const linear = { EGU: "mm", VELO: 5, ACCL: 0.1, DLLM: -25, DHLM: 25 }
    const stage = (name: string, DESC: string): MotorRecord =>
      new MotorRecord(`${prefix}${name}`, clock, { fields: { ...linear, DESC }, travel: [-26, 26] })
    this.motors = {
      m1: stage("m1", "sample x"),
      m2: stage("m2", "sample y"),
      m3: new MotorRecord(`${prefix}m3`, clock, {
        fields: { DESC: "rotation", EGU: "deg", PREC: 3, VELO: 45, ACCL: 0.2, DLLM: -180, DHLM: 180 },
        travel: [-185, 185],
      }),
    }
    this.ring = new Ring(prefix, clock)
    this.shutter = new Shutter(prefix, clock)
    const seen = (): number =>
      detectorRate(this.detector.sample, this.#beam, this.motors.m1.get("RBV"), this.motors.m2.get("RBV"))
    const incident = (): number => incidentRate(this.#beam)
    this.detector = new Detector(prefix, clock, noise, () => ({ detector: seen(), monitor: incident() }))
    this.areaDetector = new AreaDetector({
      ...areaDetector,
      prefix: `${prefix}ad:`,
      clock,
      // Noise of its own: images do not change what the counters see.
      noise: seededNoise(seed + 1),
      light: () => this.#light,
      attributes: () => this.#frameAttributes,
      pv: name => this.#valueOf(name),
    })
    this.scaler = new ScalerRecord(
      `${prefix}scaler1`,
      clock,
      [
        { name: "I0", rate: incident },
        { name: "detector", rate: seen },
      ],
      noise,
    )
    this.busy = new BusyRecord(
      `${prefix}busy`,
      clock,
      ["Done", "Busy"],
      undefined,
      "busy until somebody writes Done",
    )
  }

  /** All records that are served. */
  get records(): readonly SimRecord[] {
    const { acquire, acquireTime, counts, monitor, center, width, peakRate, darkRate } = this.detector
    return [
      ...Object.values(this.motors),
      this.ring.current,
      this.shutter.request,
      this.shutter.position,
      this.shutter.exposure,
      acquire,
      acquireTime,
      counts,
      monitor,
      center,
      width,
      peakRate,
      darkRate,
      this.scaler,
      this.busy,
      ...this.areaDetector.records,
    ] as unknown as SimRecord[]
  }

  /** Makes or mends a trouble of a motor's mechanics. */
  setFault(motor: MotorName, fault: AxisFault | undefined): void {
    this.motors[motor].setFault(fault)
  }

  /** Stops all that moves and counts; puts that wait for it complete. Resolves when files are closed too. */
  close(): Promise<void> {
    for (const record of this.records) record.close()
    this.ring.close()
    this.shutter.close()
    this.detector.close()
    return this.areaDetector.close()
  }

  get #beam(): Beam {
    return { current: this.ring.current.value, shutterOpen: this.shutter.open }
  }

  /** The same sample as the point detector's, as the area detector sees it. */
  get #light(): Light {
    const { m1, m2, m3 } = this.motors
    const [x, y] = [m1.get("RBV"), m2.get("RBV")]
    const { sample } = this.detector
    const rate = detectorRate({ ...sample, darkRate: 0 }, this.#beam, x, y)
    return {
      rate: rate * countsPerPeak,
      dark: sample.darkRate * countsPerPeak,
      shift: [x * pixelsPerMillimetre, y * pixelsPerMillimetre],
      rotation: m3.get("RBV"),
    }
  }

  get #frameAttributes(): FrameAttribute[] {
    const { camera } = this.areaDetector
    const pv = (name: string, description: string, from: string, value: number): FrameAttribute => ({
      name,
      description,
      source: "EPICS PV",
      from,
      type: "double",
      value,
    })
    const motors = Object.entries(this.motors).map(([name, motor]) =>
      pv(name, String(motor.read("DESC")), `${motor.name}.RBV`, motor.get("RBV")),
    )
    const { current } = this.ring
    return [
      {
        name: "AcquireTime",
        description: "exposure",
        source: "Param",
        from: "ACQ_TIME",
        type: "double",
        value: camera.parameters.get("AcquireTime"),
      },
      ...motors,
      pv("RingCurrent", "stored current", current.name, current.value),
    ]
  }

  #valueOf(name: string): number | string | undefined {
    this.#directory ??= new Directory(this.records)
    const found = this.#directory.find(name)
    const value = found?.record.read(found.field)
    return typeof value === "object" ? undefined : value
  }
}
