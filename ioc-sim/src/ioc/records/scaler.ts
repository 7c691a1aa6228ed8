/** The scaler record: counts events of several channels for a preset time. */
import type { Clock } from "@ophyd-ts/core"
import type { Noise } from "../physics/random.ts"
import { type Content, double, type FieldSpec, long, menu, readOnly, short, text, units } from "./field.ts"
import { LastingRecord } from "./lasting.ts"
import type { FieldMetadata } from "./record.ts"

/** Channels that have fields, as clients expect them; the first one counts the clock. */
export const scalerChannels = 32

const numbers = Array.from({ length: scalerChannels }, (_, index) => index + 1)
const perChannel = <S extends FieldSpec>(letters: string, spec: (channel: number) => S): Record<string, S> =>
  Object.fromEntries(numbers.map(n => [`${letters}${n}`, spec(n)]))

const scalerFields = {
  VAL: readOnly(double()),
  CNT: menu(["Done", "Count"]),
  CONT: menu(["OneShot", "AutoCount"]),
  FREQ: double(1e7),
  TP: double(1),
  TP1: double(1),
  T: readOnly(double()),
  DLY: double(),
  DLY1: double(),
  RATE: double(10),
  RAT1: double(10),
  PREC: short(3),
  EGU: units("s"),
  NCH: readOnly(short()),
  ...perChannel("S", () => readOnly(long())),
  ...perChannel("PR", () => long()),
  ...perChannel("G", n => menu(["N", "Y"], n === 1 ? 1 : 0)),
  ...perChannel("NM", () => text("", 16)),
} as const

type ScalerFields = typeof scalerFields

/** A channel: its name and the mean counts per second that it sees now. */
export interface ScalerChannel {
  readonly name: string
  readonly rate: () => number
}

/** A run of counting. */
interface Run {
  /** On the clock; undefined until DLY is over. */
  begun: number | undefined
  /** When the counts were last shown. */
  shown: number
  /** Seconds. */
  readonly preset: number
}

/**
 * A put with completion of CNT ends when the preset time is over, or somebody writes 0. With CONT at AutoCount the
 * record counts for TP1 again and again while nobody wants to count.
 */
export class ScalerRecord extends LastingRecord<ScalerFields> {
  readonly #channels: readonly ScalerChannel[]
  readonly #noise: Noise
  #run: Run | undefined
  #cancel: () => void = () => {}

  /** @param channels those after the clock, which is channel 1. */
  constructor(name: string, clock: Clock, channels: readonly ScalerChannel[], noise: Noise) {
    super(name, "scaler", scalerFields, clock)
    this.#channels = channels
    this.#noise = noise
    this.set("NCH", channels.length + 1)
    this.#post("NM1", "seconds")
    channels.forEach((channel, index) => void this.#post(`NM${index + 2}`, channel.name))
    this.#presetFromTime()
  }

  override close(): void {
    this.#cancel()
    super.close()
  }

  override metadata(field: string): FieldMetadata {
    const isTime = field === "TP" || field === "TP1" || field === "T" || field === "VAL"
    return isTime ? { units: this.get("EGU"), precision: this.get("PREC") } : {}
  }

  protected override check(field: string, value: Content): void {
    const positive = field === "FREQ" || field === "TP1"
    if (positive && !(Number(value) > 0)) throw new Error(`${this.name}.${field}: ${value} is not above 0`)
  }

  protected override written(field: string): Promise<void> | void {
    this.announce(field as "VAL")
    if (field === "TP" || field === "FREQ") this.#presetFromTime()
    else if (field === "PR1") this.post({ TP: this.#number("PR1") / this.get("FREQ") })
    else if (/^PR\d+$/.test(field) && this.#number(field) > 0) this.#post(field.replace("PR", "G"), 1)
    else if (field === "CONT") this.#autoCount()
    else if (field === "CNT" && this.get("CNT") === 0) this.#stop()
    else if (field === "CNT") {
      if (!this.goesOn) this.#begin(this.get("DLY"), this.get("TP"), this.get("RATE"))
      return this.begun()
    }
  }

  #autoCount(): void {
    if (this.goesOn) return
    if (this.get("CONT") === 1) this.#begin(this.get("DLY1"), this.get("TP1"), this.get("RAT1"))
    else this.#cancel()
  }

  #begin(delay: number, preset: number, rate: number): void {
    this.#cancel()
    for (const n of numbers) this.#post(`S${n}`, 0)
    this.post({ T: 0, VAL: 0 })
    const run: Run = { begun: undefined, shown: 0, preset }
    this.#run = run
    this.#cancel = this.clock.after(delay, () => {
      run.begun = run.shown = this.clock.now()
      this.#next(run.begun + preset, 1 / Math.min(Math.max(rate, 1), 60))
    })
  }

  /** Shows the counts once in each period until the end. */
  #next(end: number, period: number): void {
    const left = Math.max(0, end - this.clock.now())
    this.#cancel = this.clock.after(Math.min(period, left), () => {
      if (left > period) {
        this.#count(this.clock.now())
        this.#next(end, period)
      } else {
        // The end itself, not "now": a timer may be early or late.
        this.#count(end)
        this.#finish()
      }
    })
  }

  #count(now: number): void {
    const run = this.#run
    if (run?.begun === undefined) return
    // Less than a nanosecond off the preset is the preset, whatever the addition has lost.
    const counted = Math.min(now - run.begun, run.preset)
    const time = run.preset - counted < 1e-9 ? run.preset : counted
    const elapsed = Math.max(0, run.begun + time - run.shown)
    run.shown = run.begun + time
    this.#post("S1", Math.round(time * this.get("FREQ")))
    this.#channels.forEach((channel, index) => {
      const field = `S${index + 2}`
      this.#post(field, this.#number(field) + this.#noise.poisson(channel.rate() * elapsed))
    })
    this.post({ T: time, VAL: time })
  }

  #stop(): void {
    if (!this.goesOn) return
    this.#count(this.clock.now())
    this.#finish()
  }

  #finish(): void {
    this.#cancel()
    this.post({ CNT: 0 })
    this.over()
    this.#autoCount()
  }

  #presetFromTime(): void {
    this.#post("PR1", Math.round(this.get("TP") * this.get("FREQ")))
    this.#post("G1", 1)
  }

  #number(field: string): number {
    return Number(this.read(field))
  }

  /** A field of a channel; their names are made, so the compiler does not know them. */
  #post(field: string, value: number | string): void {
    this.post({ [field]: value })
  }
}
