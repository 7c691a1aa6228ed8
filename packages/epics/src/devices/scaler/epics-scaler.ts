import { choice, DeviceVector, number, string } from "@ophyd-ts/core"
import { channelNumbers, ScalerFields, type ScalerOptions } from "./scaler-fields.ts"

/**
 * A scaler record whose channels have fixed names in documents: `scaler1_channels_chan2`. See `ScalerCH` for channels
 * named as the record names them.
 *
 * ```ts
 * const scaler = new EpicsScaler("S1:scaler1", { name: "scaler1", channels: 8 })
 * await scaler.presetTime.set(0.5)
 * await scaler.trigger()
 * const counts = await scaler.channels.at(2).get()
 * ```
 */
export class EpicsScaler extends ScalerFields {
  readonly #numbers: readonly number[]
  /** Counts, by channel from 1. */
  readonly channels
  readonly names
  /** Counts at which a channel whose gate is `Y` ends counting. */
  readonly presets
  readonly gates

  constructor(prefix: string, options: ScalerOptions = {}) {
    super(prefix, options)
    this.#numbers = channelNumbers(options.channels)
    const { signal } = this
    this.channels = new DeviceVector(this.#numbers, n =>
      signal.r(number, `.S${n}`, { kind: "hinted", as: `chan${n}` }),
    )
    const config = { kind: "config" } as const
    this.names = new DeviceVector(
      this.#numbers,
      n => signal.rw(string, `.NM${n}`, { ...config, as: `name${n}` }),
      config,
    )
    const omitted = { kind: "omitted" } as const
    this.presets = new DeviceVector(
      this.#numbers,
      n => signal.rw(number, `.PR${n}`, { ...omitted, as: `preset${n}` }),
      omitted,
    )
    this.gates = new DeviceVector(
      this.#numbers,
      n => signal.rw(choice("N", "Y"), `.G${n}`, { ...omitted, as: `gate${n}` }),
      omitted,
    )
  }
}
