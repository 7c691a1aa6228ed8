/**
 * A bare Channel Access server in a process of its own that answers every name and, once somebody subscribes, replays
 * the same megabyte of encoded updates as fast as the client takes it: so the client alone is measured.
 * Prints its port, at which it also answers searches by UDP for clients that know no other. Names that contain `array`
 * hold a million doubles, all others one.
 */
import { createSocket } from "node:dgram"
import { createServer, type Socket } from "node:net"
import {
  Command,
  Dbr,
  type Message,
  MessageParser,
  MessageWriter,
  parseDatagram,
  readCreateChannel,
  readDataRequest,
  readSearch,
  writeAccessRights,
  writeChannelCreated,
  writeCircuitSearchReply,
  writeDatagramVersion,
  writeEchoReply,
  writeReadReply,
  writeSearchReply,
  writeUpdate,
  writeVersion,
} from "../../packages/node-epics-ca/src/wire/index.ts"

const million = Float64Array.from({ length: 1_000_000 }, (_, i) => i)

/** Replies with the array by type, encoded once; each is sent again and again with another request id. */
const encoded = new Map<number, Uint8Array>()
function arrayReply(type: number): Uint8Array {
  let bytes = encoded.get(type)
  if (bytes === undefined) {
    const writer = new MessageWriter()
    writeReadReply(writer, type, million.length, 1, 0, { value: million, seconds: 1.8e9 })
    bytes = writer.take()
    encoded.set(type, bytes)
  }
  return bytes
}

function serve(socket: Socket): void {
  socket.setNoDelay(true)
  socket.on("error", () => socket.destroy())
  const writer = new MessageWriter()
  const arrays = new Set<number>()
  let flood: Uint8Array | undefined
  const pump = (): void => {
    while (flood !== undefined && !socket.destroyed && socket.write(flood)) {
      // Until the socket is full.
    }
  }
  socket.on("drain", pump)
  const answer = (message: Message): void => {
    switch (message.command) {
      case Command.SEARCH:
        writeCircuitSearchReply(writer, readSearch(message).id, 0)
        break
      case Command.CREATE_CHAN: {
        const { cid, name } = readCreateChannel(message)
        if (name.includes("array")) arrays.add(cid)
        writeAccessRights(writer, { cid, read: true, write: true })
        writeChannelCreated(writer, cid, cid, Dbr.DOUBLE, arrays.has(cid) ? million.length : 1)
        break
      }
      case Command.READ_NOTIFY: {
        const { type, sid, id } = readDataRequest(message)
        if (arrays.has(sid)) {
          const reply = arrayReply(type)
          const header = reply.slice(0, 24)
          new DataView(header.buffer).setUint32(12, id)
          socket.cork()
          socket.write(header)
          socket.write(reply.subarray(24))
          socket.uncork()
        } else {
          writeReadReply(writer, type, 1, 1, id, { value: 1.5, seconds: 1.8e9 })
        }
        break
      }
      case Command.EVENT_ADD: {
        const { type, id } = readDataRequest(message)
        const updates = new MessageWriter(1 << 20)
        for (let i = 0; i < 26_000; i += 1) {
          writeUpdate(updates, type, 1, 1, id, { value: i, seconds: 1.8e9, nanoseconds: i })
        }
        flood = updates.take()
        break
      }
      case Command.EVENT_CANCEL:
        flood = undefined
        break
      case Command.ECHO:
        writeEchoReply(writer, message)
    }
  }
  const parser = new MessageParser({ onMessage: answer, onOversized: () => {} }, 1 << 20)
  writeVersion(writer)
  socket.write(writer.take())
  socket.on("data", chunk => {
    parser.push(chunk)
    if (writer.length > 0) socket.write(writer.take())
    pump()
  })
}

const server = createServer(serve)
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as { port: number }
  const udp = createSocket({ type: "udp4", recvBufferSize: 4 << 20 })
  udp.on("message", (datagram, { port: to, address }) => {
    const replies = new MessageWriter()
    writeDatagramVersion(replies)
    parseDatagram(datagram, message => {
      if (message.command === Command.SEARCH) writeSearchReply(replies, readSearch(message).id, port)
    })
    udp.send(replies.take().slice(), to, address)
  })
  udp.bind(port, "127.0.0.1", () => console.log(port))
})
process.stdin.resume().on("end", () => process.exit(0))
