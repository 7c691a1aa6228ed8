/** The scaler record: counts events of several channels for a preset time. */
import type { Clock } from "@ophyd-ts/core"
import type { Noise } from "../physics/random.ts"
import { double, type FieldSpec, long, menu, readOnly, short, text } from "./field.ts"
import { type FieldMetadata, SimRecord } from "./record.ts"

/** Channels that the record has; the first one counts the clock. */
export const scalerChannels = 8

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
  RAT1: double(),
  PREC: short(3),
  EGU: text("s"),
  NCH: readOnly(short(scalerChannels)),
  ...perChannel("S", () => readOnly(long())),
  ...perChannel("PR", () => long()),
  ...perChannel("G", n => menu(["N", "Y"], n === 1 ? 1 : 0)),
  ...perChannel("NM", () => text()),
} as const

type ScalerFields = typeof scalerFields

/** A channel: its name and the mean counts per second that it sees now. */
export interface ScalerChannel {
  readonly name: string
  readonly rate: () => number
}

/** A put with completion of CNT ends when the preset time is over, or somebody writes 0. */
export class ScalerRecord extends SimRecord<ScalerFields> {
  readonly #channels: readonly ScalerChannel[]
  readonly #noise: Noise
  #begun = 0
  #last = 0
  #waiting: (() => void)[] = []
  #cancel: () => void = () => {}

  /** @param channels those after the clock, which is channel 1. */
  constructor(name: string, clock: Clock, channels: readonly ScalerChannel[], noise: Noise) {
    super(name, "scaler", scalerFields, clock, {
      NM1: "seconds",
      ...Object.fromEntries(channels.map((channel, index) => [`NM${index + 2}`, channel.name])),
    })
    this.#channels = channels
    this.#noise = noise
    this.#presetFromTime()
  }

  override close(): void {
    this.#cancel()
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  override metadata(field: string): FieldMetadata {
    const isTime = field === "TP" || field === "TP1" || field === "T" || field === "VAL"
    return isTime ? { units: this.get("EGU"), precision: this.get("PREC") } : {}
  }

  protected override check(field: string, value: number | string): void {
    if (field === "FREQ" && !(Number(value) > 0))
      throw new Error(`${this.name}.FREQ: ${value} is not above 0`)
  }

  protected override written(field: string): Promise<void> | void {
    this.announce(field as "VAL")
    if (field === "TP" || field === "FREQ") this.#presetFromTime()
    else if (field === "PR1") this.post({ TP: this.#number("PR1") / this.get("FREQ") })
    else if (/^PR\d+$/.test(field) && this.#number(field) > 0) this.#post(field.replace("PR", "G"), 1)
    else if (field === "CNT") return this.get("CNT") === 1 ? this.#begin() : this.#end()
  }

  #begin(): Promise<void> {
    if (this.#waiting.length === 0) {
      for (const n of numbers) this.#post(`S${n}`, 0)
      this.post({ T: 0, VAL: 0 })
      this.#cancel = this.clock.after(this.get("DLY"), () => {
        this.#begun = this.#last = this.clock.now()
        this.#next()
      })
    }
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  /** Seconds between two displays while it counts. */
  get #period(): number {
    return 1 / Math.min(Math.max(this.get("RATE"), 1), 60)
  }

  #next(): void {
    const left = Math.max(0, this.#begun + this.get("TP") - this.clock.now())
    this.#cancel = this.clock.after(Math.min(this.#period, left), () => {
      this.#count()
      if (this.get("T") >= this.get("TP") - 1e-9) this.#finish()
      else this.#next()
    })
  }

  #count(): void {
    const now = Math.min(this.clock.now(), this.#begun + this.get("TP"))
    const elapsed = Math.max(0, now - this.#last)
    this.#last = now
    const time = now - this.#begun
    this.#post("S1", Math.round(time * this.get("FREQ")))
    this.#channels.forEach((channel, index) => {
      const field = `S${index + 2}`
      this.#post(field, this.#number(field) + this.#noise.poisson(channel.rate() * elapsed))
    })
    this.post({ T: time, VAL: time })
  }

  #end(): void {
    if (this.#waiting.length === 0) return
    if (this.#begun > 0) this.#count()
    this.#finish()
  }

  #finish(): void {
    this.#cancel()
    this.post({ CNT: 0 })
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  #presetFromTime(): void {
    this.#post("PR1", Math.round(this.get("TP") * this.get("FREQ")))
    this.#post("G1", 1)
  }

  #number(field: string): number {
    return Number(this.read(field))
  }

  /** A field of a channel; their names are made, so the compiler does not know them. */
  #post(field: string, value: number): void {
    this.post({ [field]: value })
  }
}
