/** The embedded IOC: the simulated beamline in this process, reached over Channel Access and pvAccess on 127.0.0.1. */
import { type Clock, systemClock } from "@ophyd-ts/core"
import { CaServer } from "node-epics-ca"
import { PvaServer } from "pvxs-node"
import { type ClientSettings, clientSettings } from "../client-settings.ts"
import type { AreaDetectorOptions } from "./area-detector/area-detector.ts"
import type { DetectorFault } from "./area-detector/faults.ts"
import { Beamline, type MotorName } from "./beamline.ts"
import { Directory } from "./directory.ts"
import type { AxisFault } from "./physics/axis.ts"
import { RecordsOverCa } from "./serve-ca.ts"
import { serveGroups } from "./serve-groups.ts"
import { serveImages } from "./serve-images.ts"
import { RecordsOverPva } from "./serve-pva.ts"

/** How the beamline is made and reached. Everything has a default. */
export interface BeamlineOptions {
  /** First part of every PV name. Default `sim:`. */
  readonly prefix?: string
  /** The same seed repeats the counting noise. The counts follow the ring's current besides, thus the time. Default 1. */
  readonly seed?: number
  /** TCP port for Channel Access. Default: any free one. */
  readonly port?: number
  /** TCP port for pvAccess. Default: any free one. */
  readonly pvaPort?: number
  readonly clock?: Clock
  /** Sensor and region of the area detector. */
  readonly areaDetector?: AreaDetectorOptions
}

/**
 * Starts the beamline: motors `m1`, `m2` and `m3`, the detector `det:`, `scaler1`, `ring:Current`, `shutter:` and `busy`.
 * Nobody but this machine can reach it, and it neither sends nor hears datagrams.
 *
 * @example
 * await using beamline = await startBeamline({ prefix: "test:" })
 * const client = new CaClient(beamline.clientConfig().ca)
 * @throws CaError or PvaError when a port is taken.
 */
export async function startBeamline(options: BeamlineOptions = {}): Promise<EmbeddedBeamline> {
  const { prefix = "sim:", seed = 1, clock = systemClock, port = 0, pvaPort = 0, areaDetector = {} } = options
  const ca = await CaServer.listen({ port })
  try {
    const pva = await PvaServer.open({ isolated: true, port: pvaPort })
    return new EmbeddedBeamline(new Beamline({ prefix, clock, seed, areaDetector }), ca, pva, prefix)
  } catch (error) {
    await ca.close()
    throw error
  }
}

/** A running embedded IOC. Get one from {@link startBeamline}. */
export class EmbeddedBeamline implements AsyncDisposable {
  /** Records and physics, to look at and to steer from a test. */
  readonly beamline: Beamline
  readonly prefix: string
  readonly #ca: CaServer
  readonly #pva: PvaServer
  readonly #directory: Directory
  readonly #overCa: RecordsOverCa
  readonly #overPva: RecordsOverPva

  constructor(beamline: Beamline, ca: CaServer, pva: PvaServer, prefix: string) {
    this.beamline = beamline
    this.prefix = prefix
    this.#ca = ca
    this.#pva = pva
    this.#directory = new Directory(beamline.records)
    this.#overCa = new RecordsOverCa(ca, this.#directory)
    this.#overPva = new RecordsOverPva(pva, this.#directory)
    serveImages(pva, beamline.areaDetector.pva)
    serveGroups(pva, prefix, beamline)
  }

  /** TCP ports of the two protocols. */
  get ports(): { readonly ca: number; readonly pva: number } {
    return { ca: this.#ca.port, pva: this.#pva.port }
  }

  /** Names of all PVs; both protocols serve the same. */
  get pvNames(): string[] {
    return this.#directory.names
  }

  /** Settings of clients, by protocol, that reach this IOC and nothing else. */
  clientConfig(): { readonly ca: ClientSettings; readonly pva: ClientSettings } {
    return { ca: clientSettings(this.#ca.port), pva: clientSettings(this.#pva.port) }
  }

  /** Variables for a client in another process. */
  clientEnvironment(): Readonly<Record<string, string>> {
    return {
      EPICS_CA_NAME_SERVERS: `127.0.0.1:${this.#ca.port}`,
      EPICS_CA_ADDR_LIST: "",
      EPICS_CA_AUTO_ADDR_LIST: "NO",
      EPICS_PVA_NAME_SERVERS: `127.0.0.1:${this.#pva.port}`,
      EPICS_PVA_ADDR_LIST: "",
      EPICS_PVA_AUTO_ADDR_LIST: "NO",
    }
  }

  /** A motor that does not move: `stuck` ends its moves with MISS, `hung` never ends them. Undefined mends it. */
  setFault(motor: MotorName, fault: AxisFault | undefined): void {
    this.beamline.setFault(motor, fault)
  }

  /** Makes a trouble of the area detector. Gives the function that mends it. */
  addDetectorFault(fault: DetectorFault): () => void {
    return this.beamline.areaDetector.addFault(fault)
  }

  /**
   * Takes a PV away, as if its IOC had gone: clients see it disconnected and search for it.
   * @throws IocSimError `bad-argument` when there is no such PV.
   */
  disconnect(name: string): void {
    const named = this.#directory.remove(name)
    this.#overCa.disconnect(named)
    this.#overPva.disconnect(named)
  }

  /** Brings a PV back that was disconnected. It has gone on meanwhile. */
  reconnect(name: string): void {
    this.#overPva.reconnect(this.#directory.restore(name))
  }

  /** Ends connections first, then whatever still moves. */
  async close(): Promise<void> {
    await Promise.all([this.#ca.close(), this.#pva.close()])
    this.beamline.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
