import { formatEndpoint } from "@ophyd-ts/epics-net"
import { SendPorts } from "../net/send-ports.ts"
import { Command } from "../wire/codes.ts"
import { readDatagram } from "../wire/datagram.ts"
import { readSearchResponse, writeSearch } from "../wire/search.ts"
import { Writer } from "../wire/writer.ts"
import { type PvaClientConfig, resolveConfig } from "./config.ts"

/** A server that answered. */
export interface FoundServer {
  /** 12 bytes as hexadecimal: one server instance. */
  readonly guid: string
  /** `host:port` for `PvaClient` calls with a `server` option. */
  readonly endpoint: string
}

/** Asks who is there, by UDP, for so many seconds (default 1), and returns each server once. */
export async function findServers(config: PvaClientConfig = {}, seconds = 1): Promise<FoundServer[]> {
  const { destinations, interfaces, limits, clock } = resolveConfig(config)
  const found = new Map<string, FoundServer>()
  const ports = new SendPorts({
    destinations,
    interfaces,
    what: "the question who is there",
    onDatagram: (datagram, from) => {
      try {
        readDatagram(datagram, limits, true, (command, reader) => {
          if (command !== Command.searchResponse) return
          const { guid, address: host, port } = readSearchResponse(reader)
          const endpoint = formatEndpoint({ host: host === "" ? from.host : host, port })
          if (port > 0) found.set(guid, { guid, endpoint })
        })
      } catch {
        // Whatever else is sent to this port is not an answer.
      }
    },
  })
  const ask = (): void =>
    ports.each((port, some) => {
      for (const to of some) {
        const writer = new Writer({ little: false })
        writeSearch(writer, {
          sequence: 1,
          replyRequired: true,
          unicast: to.unicast,
          replyAddress: "",
          replyPort: port.port,
          protocols: [],
          channels: [],
        })
        port.send(writer.written(), to)
      }
    })
  ask()
  // Datagrams get lost: one repetition.
  const again = clock.after(seconds / 2, ask)
  await new Promise<void>(resolve => clock.after(seconds, resolve))
  again()
  await ports.close()
  return [...found.values()].sort((a, b) => a.endpoint.localeCompare(b.endpoint))
}
