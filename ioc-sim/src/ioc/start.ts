/** The embedded IOC: the simulated beamline in this process, reached over Channel Access on 127.0.0.1. */
import { type Clock, systemClock } from "@ophyd-ts/core"
import { CaServer, type ServerPv } from "node-epics-ca"
import type { ClientSettings } from "../client-settings.ts"
import { IocSimError } from "../errors.ts"
import { Beamline, type MotorName } from "./beamline.ts"
import type { AxisFault } from "./physics/axis.ts"
import { serveRecord } from "./serve-ca.ts"

/** How the beamline is made and reached. Everything has a default. */
export interface BeamlineOptions {
  /** First part of every PV name. Default `sim:`. */
  readonly prefix?: string
  /** The same seed repeats the counting noise. The counts follow the ring's current besides, thus the time. Default 1. */
  readonly seed?: number
  /** Address to listen on. Default 127.0.0.1: other machines do not see it. */
  readonly host?: string
  /** TCP port for Channel Access. Default: any free one. */
  readonly port?: number
  /** UDP port on which searches are answered. Default: none, the beamline is reached by {@link EmbeddedBeamline.clientConfig}. */
  readonly searchPort?: number
  readonly clock?: Clock
}

/**
 * Starts the beamline: motors `m1`, `m2` and `m3`, the detector `det:`, `scaler1`, `ring:Current`, `shutter:` and `busy`.
 *
 * @example
 * await using beamline = await startBeamline({ prefix: "test:" })
 * const client = new CaClient(beamline.clientConfig().ca)
 * @throws CaError when the port is taken.
 */
export async function startBeamline(options: BeamlineOptions = {}): Promise<EmbeddedBeamline> {
  const { prefix = "sim:", seed = 1, clock = systemClock, host, port, searchPort } = options
  const server = await CaServer.listen({
    ...(host !== undefined && { host }),
    ...(port !== undefined && { port }),
    ...(searchPort !== undefined && { searchPort }),
  })
  const beamline = new Beamline({ prefix, clock, seed })
  for (const record of beamline.records) serveRecord(server, record)
  return new EmbeddedBeamline(beamline, server, prefix)
}

/** A running embedded IOC. Get one from {@link startBeamline}. */
export class EmbeddedBeamline implements AsyncDisposable {
  /** Records and physics, to look at and to steer from a test. */
  readonly beamline: Beamline
  readonly prefix: string
  readonly #server: CaServer
  readonly #removed = new Map<string, ServerPv>()

  constructor(beamline: Beamline, server: CaServer, prefix: string) {
    this.beamline = beamline
    this.#server = server
    this.prefix = prefix
  }

  /** TCP port of Channel Access. */
  get port(): number {
    return this.#server.port
  }

  /** Names of all PVs. */
  get pvNames(): string[] {
    return this.#server.pvs.map(pv => pv.name)
  }

  /** Settings of a client that reaches this IOC and nothing else. */
  clientConfig(): { readonly ca: ClientSettings } {
    return { ca: this.#server.clientConfig() }
  }

  /** Variables for a client in another process. */
  clientEnvironment(): Readonly<Record<string, string>> {
    return this.#server.environment()
  }

  /** A motor that does not move: `stuck` ends its moves with MISS, `hung` never ends them. Undefined mends it. */
  setFault(motor: MotorName, fault: AxisFault | undefined): void {
    this.beamline.setFault(motor, fault)
  }

  /**
   * Takes a PV away, as if its IOC had gone: clients see it disconnected and search for it.
   * @throws IocSimError `bad-argument` when there is no such PV.
   */
  disconnect(name: string): void {
    const pv = this.#server.get(name)
    if (pv === undefined) throw new IocSimError("bad-argument", `the beamline serves no PV ${name}`)
    this.#removed.set(name, pv)
    this.#server.remove(name)
  }

  /** Brings a PV back that was disconnected. It has gone on meanwhile. */
  reconnect(name: string): void {
    const pv = this.#removed.get(name)
    if (pv === undefined) throw new IocSimError("bad-argument", `PV ${name} was not disconnected`)
    this.#removed.delete(name)
    this.#server.add(pv)
  }

  /** Ends circuits first, then whatever still moves. */
  async close(): Promise<void> {
    await this.#server.close()
    this.beamline.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
