/**
 * A bare pvAccess server in a process of its own that answers every name and, once somebody subscribes, replays the
 * same encoded updates as fast as the client takes them: so the client alone is measured. Prints its port.
 *
 * Names: `flood` a scalar; `image` 1024 × 1024 pixels of 16 bit; `segmented` the same in segments of 64 KiB, as
 * pvAccessCPP sends it; `tick` a scalar that says ten times a second what time it is.
 */
import { createServer, type Socket } from "node:net"
import { createNdArray, ntNdArray, ntScalar } from "pvxs-node"
import { layoutOf } from "../../packages/pvxs-node/src/values/layout.ts"
import { slotsOf } from "../../packages/pvxs-node/src/values/structure.ts"
import { BitSet } from "../../packages/pvxs-node/src/wire/bitset.ts"
import { readCreateChannels, writeChannelCreated } from "../../packages/pvxs-node/src/wire/channel.ts"
import { Command, Control, Flag, Sub } from "../../packages/pvxs-node/src/wire/codes.ts"
import { writeType } from "../../packages/pvxs-node/src/wire/field-desc.ts"
import { Framer } from "../../packages/pvxs-node/src/wire/framer.ts"
import { defaultLimits } from "../../packages/pvxs-node/src/wire/limits.ts"
import { readSearch, writeSearchResponse } from "../../packages/pvxs-node/src/wire/search.ts"
import { ok, writeStatus } from "../../packages/pvxs-node/src/wire/status.ts"
import { writeServerHello, writeValidated } from "../../packages/pvxs-node/src/wire/validation.ts"
import { Writer } from "../../packages/pvxs-node/src/wire/writer.ts"

const scalar = layoutOf(ntScalar("double"))
const picture = layoutOf(ntNdArray)
const changing = scalar.fields(new BitSet([1, 7, 8, 9]))
const pixels = Uint16Array.from({ length: 1024 * 1024 }, (_, i) => i)
const image = slotsOf(createNdArray({ data: pixels, shape: [1024, 1024] }))
const segmentBytes = 65_536

const layoutFor = (name: string) => (/^(image|segmented)/.test(name) ? picture : scalar)

function scalarUpdate(writer: Writer, ioid: number, value: number, all = false): void {
  const slots = scalar.empty.slice()
  slots[1] = value
  slots[7] = 1_795_407_278
  slots[8] = 212_661_989
  writer.message(Command.monitor, () => {
    writer.u32(ioid)
    writer.u8(0)
    ;(all ? scalar.all : changing).encode(writer, slots)
    writer.size(0)
  })
}

function imageUpdate(writer: Writer, ioid: number): void {
  writer.message(Command.monitor, () => {
    writer.u32(ioid)
    writer.u8(0)
    picture.all.encode(writer, image)
    writer.size(0)
  })
}

/** The same message in segments. */
function cut(message: Uint8Array): Uint8Array {
  const payload = message.subarray(8)
  const writer = new Writer({ fromServer: true })
  for (let at = 0; at < payload.length; at += segmentBytes) {
    const piece = payload.subarray(at, at + segmentBytes)
    const last = at + segmentBytes >= payload.length
    const flag = at === 0 ? Flag.segmentFirst : last ? Flag.segmentLast : Flag.segmentMiddle
    writer.header(Flag.fromServer | flag, message[3]!, piece.length)
    writer.raw(piece)
  }
  return writer.toBytes()
}

/** What is sent again and again to one subscription. */
function encode(name: string, ioid: number): Uint8Array {
  const writer = new Writer({ fromServer: true, capacity: 4 << 20 })
  if (name.startsWith("flood")) for (let n = 0; n < 20_000; n++) scalarUpdate(writer, ioid, n)
  else imageUpdate(writer, ioid)
  return name.startsWith("segmented") ? cut(writer.written()) : writer.toBytes()
}

function serve(socket: Socket, port: number): void {
  socket.setNoDelay(true)
  const names = new Map<number, string>()
  const subscriptions = new Map<number, string>()
  let ticking: NodeJS.Timeout | undefined
  let flood: Uint8Array | undefined
  const stop = (): void => {
    clearInterval(ticking)
    socket.destroy()
  }
  const send = (body: (writer: Writer) => void): void => {
    const writer = new Writer({ fromServer: true })
    body(writer)
    socket.write(writer.toBytes())
  }
  const pump = (): void => {
    while (flood !== undefined && !socket.destroyed && socket.write(flood)) {
      // Until the socket is full.
    }
  }
  const start = (name: string, ioid: number): void => {
    if (name.startsWith("tick")) {
      send(w => scalarUpdate(w, ioid, Date.now(), true))
      ticking = setInterval(
        () => send(w => scalarUpdate(w, ioid, performance.timeOrigin + performance.now())),
        100,
      )
      return
    }
    if (name.startsWith("flood")) send(w => scalarUpdate(w, ioid, 0, true))
    flood = encode(name, ioid)
    pump()
  }
  const framer = new Framer(defaultLimits, false, {
    onControl: () => {},
    onMessage: (command, reader) => {
      if (command === Command.connectionValidation) send(w => writeValidated(w, ok))
      else if (command === Command.echo) send(w => w.message(Command.echo, () => {}))
      else if (command === Command.search) {
        const { sequence, channels } = readSearch(reader)
        const ids = channels.map(c => c.id)
        const guid = "0a".repeat(12)
        send(w =>
          writeSearchResponse(w, { guid, sequence, address: "", port, protocol: "tcp", found: true, ids }),
        )
      } else if (command === Command.createChannel) {
        for (const { cid, name } of readCreateChannels(reader)) {
          names.set(cid, name)
          send(w => writeChannelCreated(w, { cid, sid: cid, status: ok }))
        }
      } else if (command === Command.getField) {
        const { type } = layoutFor(names.get(reader.u32()) ?? "")
        const ioid = reader.u32()
        send(w =>
          w.message(Command.getField, () => {
            w.u32(ioid)
            writeStatus(w, ok)
            writeType(w, type)
          }),
        )
      } else if (command === Command.monitor) {
        const sid = reader.u32()
        const ioid = reader.u32()
        const sub = reader.u8()
        const name = names.get(sid) ?? ""
        if (sub === Sub.start) start(subscriptions.get(ioid) ?? "", ioid)
        if ((sub & Sub.init) === 0) return
        subscriptions.set(ioid, name)
        const { type } = layoutFor(name)
        send(w =>
          w.message(Command.monitor, () => {
            w.u32(ioid)
            w.u8(sub)
            writeStatus(w, ok)
            writeType(w, type)
          }),
        )
      }
    },
  })
  socket.on("data", chunk => framer.push(chunk))
  socket.on("drain", pump)
  socket.on("error", stop)
  socket.on("close", stop)
  send(w => {
    w.control(Control.setByteOrder, 0)
    writeServerHello(w, { receiveBuffer: 65_536, methods: ["anonymous", "ca"] })
  })
}

/** The physical limit: whoever connects here gets the bytes of the images and nothing else. */
const raw = createServer({ noDelay: true }, socket => {
  const bytes = encode("image", 1)
  const pump = (): void => {
    while (!socket.destroyed && socket.write(bytes)) {
      // Until the socket is full.
    }
  }
  socket.on("drain", pump)
  socket.on("error", () => socket.destroy())
  pump()
})

const server = createServer(socket => serve(socket, (server.address() as { port: number }).port))
raw.listen(0, "127.0.0.1", () => {
  server.listen(0, "127.0.0.1", () => {
    const port = (listener: typeof server): number => (listener.address() as { port: number }).port
    console.log(
      JSON.stringify({ port: port(server), rawPort: port(raw), frameBytes: encode("image", 1).length }),
    )
  })
})
process.stdin.resume()
process.stdin.on("end", () => process.exit(0))
