import { type Component, Device, type DeviceOptions } from "@ophyd-ts/core"
import type { CaClient } from "node-epics-ca"
import type { PvaClient } from "pvxs-node"
import { type Protocol, parseAddress } from "../address.ts"
import { type ClientOf, clientsOf, defaultClient, type EpicsClients } from "../clients.ts"
import { type EpicsPlace, EpicsSignals } from "./epics-signals.ts"

export interface EpicsDeviceOptions extends DeviceOptions {
  /** A client, or one for each protocol. Default: that of the parent device, else that of the process. */
  client?: CaClient | PvaClient | EpicsClients | undefined
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
  readonly #clients: EpicsClients

  /** @throws EpicsError BAD_ADDRESS for a protocol that does not exist. */
  constructor(prefix: string, options: EpicsDeviceOptions = {}) {
    super(options)
    this.prefix = prefix
    this.protocol = parseAddress(prefix, options.protocol).protocol
    this.#clients = clientsOf(options.client ?? {})
  }

  /** The client its signals use: its own, that of the nearest device above that has one, or that of the process. */
  clientFor<P extends Protocol>(protocol: P): ClientOf[P] {
    for (let at: Component | null = this; at !== null; at = at.parent) {
      const own = at instanceof EpicsDevice ? at.#clients[protocol] : undefined
      if (own !== undefined) return own
    }
    return defaultClient(protocol)
  }

  /** Makes signals: `this.signal.rw(double, ".VAL")`. */
  protected get signal(): EpicsSignals {
    return new EpicsSignals(this)
  }
}
