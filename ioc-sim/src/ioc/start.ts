/** The embedded IOC: the simulated beamline in this process, reached over Channel Access and pvAccess on 127.0.0.1. */
import { type Clock, systemClock } from "@ophyd-ts/core"
import { type ClientSettings, clientSettings } from "../client-settings.ts"
import type { AreaDetectorOptions } from "./area-detector/area-detector.ts"
import type { DetectorFault } from "./area-detector/faults.ts"
import type { Beamline, BeamlineParts, MotorName } from "./beamline.ts"
import type { AxisFault } from "./physics/axis.ts"
import { type Ports, RunningIoc, restartIoc } from "./running-ioc.ts"

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
 * @throws CaError when the port for Channel Access is taken, IocSimError `port-taken` when that for pvAccess is.
 */
export async function startBeamline(options: BeamlineOptions = {}): Promise<EmbeddedBeamline> {
  const { prefix = "sim:", seed = 1, clock = systemClock, port = 0, pvaPort = 0, areaDetector = {} } = options
  const parts = { prefix, clock, seed, areaDetector }
  return new EmbeddedBeamline(await RunningIoc.start(parts, { ca: port, pva: pvaPort }), parts)
}

/** A running embedded IOC. Get one from {@link startBeamline}. */
export class EmbeddedBeamline implements AsyncDisposable {
  readonly prefix: string
  readonly #parts: BeamlineParts
  readonly #ports: Ports
  #ioc: RunningIoc
  /** Restarts and closing, one after another. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(ioc: RunningIoc, parts: BeamlineParts) {
    this.prefix = parts.prefix
    this.#parts = parts
    this.#ports = ioc.ports
    this.#ioc = ioc
  }

  /** Records and physics, to look at and to steer from a test. A restart makes new ones. */
  get beamline(): Beamline {
    return this.#ioc.beamline
  }

  /** TCP ports of the two protocols. */
  get ports(): { readonly ca: number; readonly pva: number } {
    return this.#ports
  }

  /** Names of all PVs; both protocols serve the same. */
  get pvNames(): string[] {
    return this.#ioc.directory.names
  }

  /** Settings of clients, by protocol, that reach this IOC and nothing else. */
  clientConfig(): { readonly ca: ClientSettings; readonly pva: ClientSettings } {
    return { ca: clientSettings(this.#ports.ca), pva: clientSettings(this.#ports.pva) }
  }

  /** Variables for a client in another process. */
  clientEnvironment(): Readonly<Record<string, string>> {
    return {
      EPICS_CA_NAME_SERVERS: `127.0.0.1:${this.#ports.ca}`,
      EPICS_CA_ADDR_LIST: "",
      EPICS_CA_AUTO_ADDR_LIST: "NO",
      EPICS_PVA_NAME_SERVERS: `127.0.0.1:${this.#ports.pva}`,
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
    this.#ioc.disconnect(name)
  }

  /** Brings a PV back that was disconnected. It has gone on meanwhile. */
  reconnect(name: string): void {
    this.#ioc.reconnect(name)
  }

  /**
   * Restarts the IOC on the same ports, as after a crash: all connections break, what moved or was written ends, files
   * are closed, records have the values that they start with, and faults are gone. Clients find their PVs again.
   *
   * @param downtime seconds during which nobody answers. Default 0.
   * @throws IocSimError `port-taken` when somebody else has taken a port meanwhile; the IOC stays down then.
   */
  restart(downtime = 0): Promise<void> {
    return this.#inTurn(async () => {
      await this.#ioc.close()
      if (downtime > 0) await new Promise<void>(resolve => this.#parts.clock.after(downtime, resolve))
      this.#ioc = await restartIoc(this.#parts, this.#ports)
    })
  }

  /** Ends connections first, then whatever still moves. */
  close(): Promise<void> {
    return this.#inTurn(() => this.#ioc.close())
  }

  #inTurn(action: () => Promise<void>): Promise<void> {
    const result = this.#turn.then(action)
    this.#turn = result.catch(() => {})
    return result
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
