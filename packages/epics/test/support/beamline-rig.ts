import { type EmbeddedBeamline, startBeamline } from "@ophyd-ts/ioc-sim"
import { CaClient } from "node-epics-ca"
import { PvaClient } from "pvxs-node"
import { randomPrefix } from "./prefix.ts"

export interface BeamlineRig {
  readonly beamline: EmbeddedBeamline
  readonly client: CaClient | PvaClient
  /** Of the record, with its protocol. */
  readonly pv: string
  close(): Promise<void>
}

/** A record of an embedded beamline of its own, and a client of one protocol for it. */
export async function beamlineRig(protocol: "ca" | "pva", record: string): Promise<BeamlineRig> {
  const beamline = await startBeamline({ prefix: randomPrefix() })
  const { ca, pva } = beamline.clientConfig()
  const client = protocol === "ca" ? new CaClient(ca) : new PvaClient(pva)
  return {
    beamline,
    client,
    pv: `${protocol}://${beamline.prefix}${record}`,
    close: async () => {
      await client.close()
      await beamline.close()
    },
  }
}
