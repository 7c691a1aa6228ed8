/** One life of the embedded IOC: a beamline and the two servers that show it. A restart begins another one. */
import { CaServer } from "node-epics-ca"
import { PvaServer } from "pvxs-node"
import { IocSimError } from "../errors.ts"
import { Beamline, type BeamlineParts } from "./beamline.ts"
import { Directory } from "./directory.ts"
import { RecordsOverCa } from "./serve-ca.ts"
import { serveGroups } from "./serve-groups.ts"
import { type ServedImages, serveImages } from "./serve-images.ts"
import { RecordsOverPva } from "./serve-pva.ts"

/** TCP ports of the two protocols; 0 takes any free one. */
export interface Ports {
  readonly ca: number
  readonly pva: number
}

export class RunningIoc {
  readonly beamline: Beamline
  readonly directory: Directory
  readonly #ca: CaServer
  readonly #pva: PvaServer
  readonly #overCa: RecordsOverCa
  readonly #overPva: RecordsOverPva
  readonly #images: ServedImages

  /** @throws CaError when it cannot listen for Channel Access, IocSimError `port-taken` when not for pvAccess. */
  static async start(parts: BeamlineParts, ports: Ports): Promise<RunningIoc> {
    const ca = await CaServer.listen({ port: ports.ca })
    try {
      const pva = await PvaServer.open({ isolated: true, port: ports.pva })
      if (ports.pva === 0 || pva.port === ports.pva) return new RunningIoc(parts, ca, pva)
      // The pvAccess server takes another port when its own is busy, as servers do; clients would look in vain.
      await pva.close()
      throw new IocSimError(
        "port-taken",
        `cannot serve pvAccess on 127.0.0.1, TCP ${ports.pva}: the port is taken`,
      )
    } catch (error) {
      await ca.close()
      throw error
    }
  }

  private constructor(parts: BeamlineParts, ca: CaServer, pva: PvaServer) {
    this.beamline = new Beamline(parts)
    this.directory = new Directory(this.beamline.records)
    this.#ca = ca
    this.#pva = pva
    this.#overCa = new RecordsOverCa(ca, this.directory)
    this.#overPva = new RecordsOverPva(pva, this.directory)
    this.#images = serveImages(pva, this.beamline.areaDetector.pva)
    serveGroups(pva, parts.prefix, this.beamline)
  }

  get ports(): Ports {
    return { ca: this.#ca.port, pva: this.#pva.port }
  }

  /** @throws IocSimError `bad-argument` when there is no such PV. */
  disconnect(name: string): void {
    if (name === this.#images.name) this.#images.disconnect()
    else {
      const named = this.directory.remove(name)
      this.#overCa.disconnect(named)
      this.#overPva.disconnect(named)
    }
  }

  /** @throws IocSimError `bad-argument` when the PV was not taken away. */
  reconnect(name: string): void {
    if (name === this.#images.name) this.#images.reconnect()
    else this.#overPva.reconnect(this.directory.restore(name))
  }

  /** Ends connections first, then whatever still moves. */
  async close(): Promise<void> {
    await Promise.all([this.#ca.close(), this.#pva.close()])
    await this.beamline.close()
  }
}

/**
 * Another life at the same ports.
 * @throws IocSimError `port-taken` when somebody else has taken one of them meanwhile.
 */
export async function restartIoc(parts: BeamlineParts, ports: Ports): Promise<RunningIoc> {
  return await RunningIoc.start(parts, ports).catch((cause: unknown) => {
    throw new IocSimError(
      "port-taken",
      `the IOC cannot restart on ports ${ports.ca} and ${ports.pva}: one is taken`,
      { cause },
    )
  })
}
