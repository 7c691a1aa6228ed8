/**
 * Answers searches for a server on this host, for a client that knows no name servers and binds the search port itself.
 *
 * Such a client takes the port at all addresses, and a server that did the same would get none of the datagrams for
 * 127.0.0.1. But a socket that is bound to that very address comes before one that is bound to all, so this one gets them.
 */
import { createSocket } from "node:dgram"
import { once } from "node:events"
import { Command } from "../../packages/pvxs-node/src/wire/codes.ts"
import { Framer } from "../../packages/pvxs-node/src/wire/framer.ts"
import { defaultLimits } from "../../packages/pvxs-node/src/wire/limits.ts"
import { readSearch, writeSearchResponse } from "../../packages/pvxs-node/src/wire/search.ts"
import { Writer } from "../../packages/pvxs-node/src/wire/writer.ts"

export interface Responder extends AsyncDisposable {
  /** Where it listens, at 127.0.0.1. */
  readonly port: number
}

/** Says of every name that the server at the TCP port `server` of 127.0.0.1 has it. */
export async function answerSearches(server: number): Promise<Responder> {
  // As large as the system allows: the client asks for all its channels at once.
  const socket = createSocket({ type: "udp4", reuseAddr: true, recvBufferSize: 4 << 20 })
  socket.on("message", (datagram, from) => {
    const framer = new Framer(defaultLimits, false, {
      onControl: () => {},
      onMessage: (command, reader) => {
        if (command !== Command.search) return
        const { sequence, replyPort, channels } = readSearch(reader)
        const writer = new Writer({ fromServer: true })
        const ids = channels.map(channel => channel.id)
        const guid = "0b".repeat(12)
        writeSearchResponse(writer, {
          guid,
          sequence,
          address: "127.0.0.1",
          port: server,
          protocol: "tcp",
          found: true,
          ids,
        })
        socket.send(writer.toBytes(), replyPort, from.address)
      },
    })
    try {
      framer.push(datagram)
    } catch {
      // Not a message of pvAccess, so not a search.
    }
  })
  socket.bind(0, "127.0.0.1")
  await once(socket, "listening")
  return {
    port: socket.address().port,
    [Symbol.asyncDispose]: () => new Promise(resolve => socket.close(() => resolve())),
  }
}
