import { networkInterfaces } from "node:os"
import { broadcastAddresses } from "@ophyd-ts/epics-net"

/** Where datagrams to everybody go in the network in which this machine has the address; undefined if it has not. */
export function broadcastOf(address: string): string | undefined {
  for (const list of Object.values(networkInterfaces())) {
    const own = list?.find(entry => entry.address === address && entry.family === "IPv4")
    if (own !== undefined) return broadcastAddresses({ own: [{ ...own, internal: false }] })[0]
  }
  return undefined
}
