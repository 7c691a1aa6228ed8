import { Eca } from "../wire/eca.ts"
import type { Message } from "../wire/message.ts"
import {
  readClearChannel,
  readCreateChannel,
  writeChannelCreated,
  writeClearChannel,
  writeCreateChannelFail,
} from "../wire/messages/channel.ts"
import { Channel } from "./channel.ts"
import type { Circuit } from "./circuit.ts"
import { report } from "./diagnostics.ts"
import type { ResolvedName } from "./names.ts"

export function createChannel(circuit: Circuit, message: Message): void {
  const { server, output, channels } = circuit
  const { cid, name } = readCreateChannel(message)
  const fits = message.size <= server.limits.nameBytes + 8 && channels.size < server.limits.channels
  const found = fits && name !== "" ? server.resolve(name) : undefined
  const channel = found === undefined ? undefined : open(circuit, cid, found)
  if (channel === undefined) {
    writeCreateChannelFail(output.writer, cid)
    output.written()
    return
  }
  channels.set(channel.sid, channel)
  channel.writeAccess()
  writeChannelCreated(output.writer, cid, channel.sid, channel.nativeType, channel.maxCount)
  output.written()
}

/** Undefined when the PV's own rule for access fails. */
function open(circuit: Circuit, cid: number, found: ResolvedName): Channel | undefined {
  try {
    return new Channel(circuit, cid, circuit.nextSid(), found)
  } catch (error) {
    report({ kind: "handler-failed", server: circuit.server.address, name: found.pv.name, error })
    return undefined
  }
}

export function clearChannel(circuit: Circuit, message: Message): void {
  const { sid, cid } = readClearChannel(message)
  const channel = circuit.channels.get(sid)
  if (channel === undefined) {
    // Clearing what SERVER_DISCONN has just ended is no mistake; the echo is what the client waits for.
    if (circuit.server.strict) {
      circuit.violation(message, Eca.INTERNAL, `no channel has the id ${sid}`)
      return
    }
  } else {
    circuit.drop(channel, new Error("the client cleared the channel"))
  }
  writeClearChannel(circuit.output.writer, sid, cid)
  circuit.output.written()
}
