import { CaClient } from "node-epics-ca"
import { PvaClient } from "pvxs-node"
import type { Protocol } from "./address.ts"

/** The client of each protocol. */
export interface ClientOf {
  ca: CaClient
  pva: PvaClient
}

/** Where a signal gets its client from, when it connects. */
export interface ClientSource {
  clientFor<P extends Protocol>(protocol: P): ClientOf[P]
}

/** Clients for devices to use; protocols that are left out use those of the process. */
export type EpicsClients = Partial<ClientOf>

/** A single client stands for its protocol. */
export const clientsOf = (given: CaClient | PvaClient | EpicsClients): EpicsClients => {
  if (given instanceof CaClient) return { ca: given }
  if (given instanceof PvaClient) return { pva: given }
  return given
}

const defaults: EpicsClients = {}

/**
 * The client of the process for a protocol: devices that were given none use it. Made at first use, with the settings
 * of the EPICS variables.
 */
export function defaultClient<P extends Protocol>(protocol: P): ClientOf[P]
export function defaultClient(protocol: Protocol): CaClient | PvaClient {
  if (protocol === "ca") {
    defaults.ca ??= new CaClient()
    return defaults.ca
  }
  defaults.pva ??= new PvaClient()
  return defaults.pva
}

/** Closes the clients of the process, so that it may end. The next use makes new ones. */
export async function closeDefaultClients(): Promise<void> {
  const { ca, pva } = defaults
  delete defaults.ca
  delete defaults.pva
  await Promise.all([ca?.close(), pva?.close()])
}
