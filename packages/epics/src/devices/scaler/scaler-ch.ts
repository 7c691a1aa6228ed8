import { choice, DeviceVector, number, string, ValueError } from "@ophyd-ts/core"
import { EpicsDevice, type EpicsDeviceOptions } from "../../device/epics-device.ts"
import { channelNumbers, ScalerFields, type ScalerOptions } from "./scaler-fields.ts"

/** One channel of a `ScalerCH`. */
export class ScalerChannel extends EpicsDevice {
  readonly number: number
  /** The name that the record gives the channel; empty when it is not used. */
  readonly chname
  readonly counts
  /** Counts at which it ends counting if its gate is `Y`. */
  readonly preset
  readonly gate

  constructor(prefix: string, n: number, options: EpicsDeviceOptions = {}) {
    super(prefix, options)
    this.number = n
    const { signal } = this
    this.chname = signal.rw(string, `.NM${n}`, { kind: "config" })
    this.counts = signal.r(number, `.S${n}`, { kind: "hinted", as: "s" })
    this.preset = signal.rw(number, `.PR${n}`, { kind: "config" })
    this.gate = signal.rw(choice("N", "Y"), `.G${n}`, { kind: "config" })
  }
}

/**
 * A scaler record whose channels are called in documents what the record calls them. The time counted is read with them.
 *
 * ```ts
 * const scaler = new ScalerCH("S1:scaler1", { name: "scaler1" })
 * await scaler.connect()
 * await scaler.selectChannels(["I0", "diode"]) // reads give the keys I0 and diode, hinted
 * ```
 */
export class ScalerCH extends ScalerFields {
  /** By number, from 1. */
  readonly channels

  constructor(prefix: string, options: ScalerOptions = {}) {
    super(prefix, options)
    this.time.kind = "normal"
    this.channels = new DeviceVector(
      channelNumbers(options.channels),
      n => new ScalerChannel(prefix, n, { as: `chan${String(n).padStart(2, "0")}`, protocol: this.protocol }),
    )
  }

  /** Gives the counts of each channel the channel's name as key; a channel without one keeps `scaler1_channels_chan05_s`. */
  async matchNames(): Promise<void> {
    const channels = [...this.channels.values()]
    const names = await Promise.all(channels.map(channel => channel.chname.get()))
    const twice = names.find((name, i) => name !== "" && names.indexOf(name) !== i)
    if (twice !== undefined) {
      throw new ValueError(
        `${this.name}: two channels are called ${twice}, names in documents must be different`,
      )
    }
    channels.forEach((channel, i) => {
      channel.counts.name = names[i] ?? ""
    })
  }

  /**
   * Matches names, then lets only these channels take part in documents; all named ones when it is omitted.
   * @throws ValueError for a name that no channel has; nothing is changed then.
   */
  async selectChannels(names?: readonly string[]): Promise<void> {
    await this.matchNames()
    const named = new Map<string, ScalerChannel>()
    for (const channel of this.channels.values()) {
      const name = await channel.chname.get()
      if (name !== "") named.set(name, channel)
    }
    const unknown = names?.find(name => !named.has(name))
    if (unknown !== undefined) {
      throw new ValueError(
        `${this.name}: no channel is called ${unknown}; there are ${[...named.keys()].join(", ")}`,
      )
    }
    const selected = new Set((names ?? [...named.keys()]).map(name => named.get(name)))
    for (const channel of this.channels.values()) channel.kind = selected.has(channel) ? "normal" : "omitted"
  }
}
