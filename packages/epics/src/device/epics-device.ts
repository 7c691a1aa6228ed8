import { type Component, Device, type DeviceOptions } from "@ophyd-ts/core"
import type { CaClient } from "node-epics-ca"
import { type Protocol, parseAddress } from "../address.ts"
import { defaultCaClient } from "../ca/default-client.ts"
import { type EpicsPlace, EpicsSignals } from "./epics-signals.ts"

export interface EpicsDeviceOptions extends DeviceOptions {
  /** Default: that of the parent device, else the one of the process. */
  client?: CaClient | undefined
  /** For a prefix without protocol; default `ca`. */
  protocol?: Protocol | undefined
}

/**
 * A device whose signals are EPICS PVs.
 *
 * ```ts
 * class Shutter extends EpicsDevice {
 *   readonly request = this.signal.rw(choice("Close", "Open"), "Request")
 *   readonly position = this.signal.r(choice("Closed", "Open", "Between"), "Position_RBV", { kind: "hinted" })
 *   readonly exposure = this.signal.rw(double, "Exposure", { kind: "config" })
 * }
 * const shutter = new Shutter("S1:shutter:", { name: "shutter" }) // no I/O here
 * await connect(shutter, { timeout: 5 })
 * await shutter.request.set("Open") // "Opne" does not compile
 * ```
 */
export class EpicsDevice extends Device implements EpicsPlace {
  /** First part of its PV names, as it was given, perhaps with a protocol. */
  readonly prefix: string
  readonly protocol: Protocol
  readonly #client: CaClient | undefined

  /** @throws EpicsError BAD_ADDRESS for a protocol that does not exist. */
  constructor(prefix: string, options: EpicsDeviceOptions = {}) {
    super(options)
    this.prefix = prefix
    this.protocol = parseAddress(prefix, options.protocol).protocol
    this.#client = options.client
  }

  /** The client its signals use: its own, that of the nearest device above that has one, or the one of the process. */
  get client(): CaClient {
    return this.#client ?? clientAbove(this.parent) ?? defaultCaClient()
  }

  /** Makes signals: `this.signal.rw(double, ".VAL")`. */
  protected get signal(): EpicsSignals {
    return new EpicsSignals(this)
  }
}

function clientAbove(component: Component | null): CaClient | undefined {
  for (let at = component; at !== null; at = at.parent) if (at instanceof EpicsDevice) return at.client
  return undefined
}
