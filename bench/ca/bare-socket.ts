/**
 * What a plain Node socket with one re-used buffer receives when nobody looks at the bytes: the limit that the array
 * figures are held against. `bare-socket.ts MODE PREFIX [SECONDS]`, modes `array` and `flood-array`. Prints MB/s.
 */
import { connect } from "node:net"
import {
  Command,
  Dbr,
  type Message,
  MessageParser,
  MessageWriter,
  writeCreateChannel,
  writeRead,
  writeVersion,
} from "../../packages/node-epics-ca/src/wire/index.ts"

const [mode = "", prefix = "", seconds = "1"] = process.argv.slice(2)
const limit = Number(seconds) * 1000
const [host, port] = (process.env["EPICS_CA_NAME_SERVERS"] ?? "").split(":")
const name = mode === "flood-array" ? "array" : `${prefix}array`
const COUNT = 1_000_000
/** DBR_TIME_DOUBLE. */
const TYPE = Dbr.DOUBLE + 14
/** Extended header, status and time stamp, elements. */
const REPLY_BYTES = 24 + 16 + COUNT * 8

const writer = new MessageWriter()
/** The server's id of the channel, once it exists. */
let sid: number | undefined
const parser = new MessageParser(
  {
    onMessage: (message: Message) => {
      if (message.command === Command.CREATE_CHAN) sid = message.p2
    },
    onOversized: () => {},
  },
  1 << 20,
)
let request: Uint8Array | undefined
let received = 0
let replies = 0
let start = 0

const socket = connect({
  host: host ?? "127.0.0.1",
  port: Number(port),
  noDelay: true,
  onread: {
    buffer: new Uint8Array(1 << 20),
    callback: (bytes, buffer) => {
      if (request === undefined) {
        parser.push(buffer.subarray(0, bytes))
        if (sid === undefined) return true
        writeRead(writer, TYPE, COUNT, sid, 0)
        request = writer.take().slice()
        socket.write(request)
        return true
      }
      received += bytes
      if (received < REPLY_BYTES) return true
      received = 0
      replies += 1
      // The first one is not counted.
      if (replies === 1) start = performance.now()
      const elapsed = performance.now() - start
      if (elapsed < limit) socket.write(request)
      else {
        console.log(((replies - 1) * 8 * 1000) / elapsed)
        process.exit(0)
      }
      return true
    },
  },
})
socket.on("connect", () => {
  writeVersion(writer)
  writeCreateChannel(writer, 0, name)
  socket.write(writer.take())
})
