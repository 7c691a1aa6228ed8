import { Command } from "../wire/constants.ts"
import { DBR_PUT_ACKS, DBR_PUT_ACKT, dbrPayloadSize, isDbrType } from "../wire/dbr-types.ts"
import { Eca, ecaSuccess } from "../wire/eca.ts"
import type { Message } from "../wire/message.ts"
import { readDataRequest, writeReadError } from "../wire/messages/read.ts"
import type { Channel } from "./channel.ts"
import type { Circuit } from "./circuit.ts"
import { type PresentedPayload, presentSnapshot } from "./snapshot.ts"

/** Clients before this version know no extended header, and no payload larger than this. */
const EXTENDED_HEADER_SINCE = 9
const OLD_PAYLOAD = 16_368

/** True for types that a value can be presented as. */
export const isReadable = (type: number): boolean =>
  isDbrType(type) && type !== DBR_PUT_ACKT && type !== DBR_PUT_ACKS

/** Why a channel's value cannot be presented as asked for, or undefined. */
export function refusalOf(
  circuit: Circuit,
  channel: Channel | undefined,
  type: number,
  count: number,
): number | undefined {
  if (channel === undefined) return Eca.BADCHID
  if (!isReadable(type)) return Eca.BADTYPE
  if (!channel.readable) return Eca.NORDACCESS
  const size = dbrPayloadSize(type, count)
  if (size > circuit.server.limits.payloadBytes) return Eca.TOLARGE
  if (size > OLD_PAYLOAD && circuit.minor < EXTENDED_HEADER_SINCE) return Eca["16KARRAYCLIENT"]
  return undefined
}

export function readNotify(circuit: Circuit, message: Message): void {
  const { type, count, sid, id } = readDataRequest(message)
  const channel = circuit.channels.get(sid)
  const refused = refusalOf(circuit, channel, type, count)
  if (refused === undefined) {
    const presented = present(channel!, type, count)
    circuit.output.data(Command.READ_NOTIFY, type, presented, presented.status, id)
  } else if (circuit.server.strict && channel === undefined) {
    circuit.violation(message, Eca.INTERNAL, `no channel has the id ${sid}`)
  } else if (circuit.server.strict && refused === Eca.BADTYPE) {
    // rsrv says nothing at all here.
    circuit.destroy(new Error(`the client asked for DBR type ${type}`))
  } else {
    writeReadError(circuit.output.writer, type, count, refused, id)
    circuit.output.written()
  }
}

/** The obsolete READ: the reply carries the cid, a failure is an ERROR. */
export function oldRead(circuit: Circuit, message: Message): void {
  const { type, count, sid, id } = readDataRequest(message)
  const channel = circuit.channels.get(sid)
  const refused = refusalOf(circuit, channel, type, count)
  if (refused !== undefined) {
    circuit.violation(message, refused, "cannot be read")
    return
  }
  const presented = present(channel!, type, count)
  if (ecaSuccess(presented.status)) circuit.output.data(Command.READ, type, presented, channel!.cid, id)
  else circuit.fail(message, presented.status, channel!.pv.name, channel!.cid)
}

const present = ({ snapshot, longString }: Channel, type: number, count: number): PresentedPayload =>
  presentSnapshot(snapshot, { type, count, longString })
