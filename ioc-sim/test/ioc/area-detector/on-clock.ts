/** The area detector on a clock that the test turns, operated at its records: no network, no waiting. */
import { TestClock } from "@ophyd-ts/core/testing"
import type { AreaDetector, AreaDetectorOptions } from "../../../src/ioc/area-detector/area-detector.ts"
import type { Frame } from "../../../src/ioc/area-detector/frame.ts"
import { Beamline } from "../../../src/ioc/beamline.ts"
import type { Content } from "../../../src/ioc/records/field.ts"
import type { SimRecord } from "../../../src/ioc/records/record.ts"

export class OnClock {
  readonly clock = new TestClock()
  readonly beamline: Beamline
  readonly #records: ReadonlyMap<string, SimRecord>

  constructor(options: AreaDetectorOptions = {}, seed = 1) {
    this.beamline = new Beamline({ prefix: "x:", clock: this.clock, seed, areaDetector: options })
    this.#records = new Map(this.beamline.records.map(record => [record.name, record]))
  }

  get ad(): AreaDetector {
    return this.beamline.areaDetector
  }

  /** What a client writes; a choice by its number or its text. Settles with the completion of the put. */
  put(pv: string, value: Content): Promise<void> | void {
    const record = this.#record(pv)
    const choices = record.table["VAL"]?.choices
    return record.write("VAL", choices && typeof value === "string" ? choices.indexOf(value) : value)
  }

  set(values: Readonly<Record<string, Content>>): void {
    for (const [pv, value] of Object.entries(values)) this.put(pv, value)
  }

  get(pv: string): Content | undefined {
    return this.#record(pv).read("VAL")
  }

  /** The text of a choice. */
  choice(pv: string): string | undefined {
    return this.#record(pv).table["VAL"]?.choices?.[Number(this.get(pv))]
  }

  /** Values that a PV takes from now on. */
  watch(pv: string): Content[] {
    const seen: Content[] = []
    this.#record(pv).serve({
      posted: (field, value) => void (field === "VAL" && seen.push(value)),
      described: () => {},
    })
    return seen
  }

  /** Images that a port passes on from now on. */
  frames(port: "camera" | "roi" = "camera"): Frame[] {
    const seen: Frame[] = []
    this.ad[port].port.subscribe(frame => void seen.push(frame))
    return seen
  }

  /** Takes one image. */
  take(settings: Readonly<Record<string, Content>> = {}): Frame {
    this.set({ "cam1:ImageMode": "Single", "cam1:AcquireTime": 0.01, ...settings })
    const seen = this.frames()
    this.put("cam1:Acquire", 1)
    this.clock.advance(Number(this.get("cam1:AcquireTime")) + 0.001)
    const [frame] = seen
    if (frame === undefined) throw new Error("no image was taken")
    return frame
  }

  moveTo(motor: "m1" | "m2" | "m3", position: number): void {
    this.beamline.motors[motor].write("VAL", position)
    this.clock.advance(30)
  }

  #record(pv: string): SimRecord {
    const record = this.#records.get(`x:ad:${pv}`)
    if (record === undefined) throw new Error(`there is no record ${pv}`)
    return record
  }
}

/** Whether something has completed, once promises have settled. */
export function completion(result: Promise<void> | void): () => Promise<boolean> {
  let done = result === undefined
  void result?.then(() => {
    done = true
  })
  return async () => {
    for (let i = 0; i < 5; i++) await Promise.resolve()
    return done
  }
}

export const sum = ({ data }: Frame): number => {
  let total = 0
  for (const value of data) total += Number(value)
  return total
}
