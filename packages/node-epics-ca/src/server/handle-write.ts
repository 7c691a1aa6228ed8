import { CaError } from "../errors.ts"
import { decodeDbr } from "../wire/dbr-decode.ts"
import { DBR_PUT_ACKS, DBR_PUT_ACKT, Dbr, type DbrBase } from "../wire/dbr-types.ts"
import { Eca } from "../wire/eca.ts"
import type { Message } from "../wire/message.ts"
import type { FailedRequest } from "../wire/messages/error.ts"
import { writePutReply } from "../wire/messages/write.ts"
import type { Channel } from "./channel.ts"
import type { Circuit } from "./circuit.ts"
import type { NativeData } from "./convert.ts"
import { report } from "./diagnostics.ts"
import { describeRefusal, PutRefused } from "./errors.ts"
import { PutRequest } from "./put-request.ts"

export const write = (circuit: Circuit, message: Message): void => put(circuit, message, false)

export const writeNotify = (circuit: Circuit, message: Message): void => put(circuit, message, true)

function put(circuit: Circuit, message: Message, notify: boolean): void {
  const channel = circuit.channels.get(message.p1)
  const { command, size, dataType: type, count, p1, p2 } = message
  const request: FailedRequest = { command, size, type, count, p1, p2 }
  if (channel === undefined && (circuit.server.strict || !notify)) {
    const status = circuit.server.strict ? Eca.INTERNAL : Eca.BADCHID
    circuit.violation(message, status, `no channel has the id ${p1}`)
    return
  }
  const answer = (error?: unknown): void => reply(circuit, channel, request, notify, error)
  if (channel === undefined) {
    answer(new PutRefused(`no channel has the id ${p1}`, Eca.BADCHID))
    return
  }
  const put = new PutRequest(circuit.client, notify)
  let outcome: void | Promise<void>
  try {
    if (!channel.writable) throw new PutRefused(channel.pv.name, Eca.NOWTACCESS)
    if (notify && circuit.pendingPuts >= circuit.server.limits.puts) {
      throw new PutRefused(`${circuit.pendingPuts} puts are under way`, Eca.PUTCBINPROG)
    }
    outcome = carryOut(channel, message, put)
  } catch (error) {
    answer(error)
    return
  }
  if (outcome !== undefined) follow(circuit, channel, put, outcome, answer)
  else if (notify) answer()
}

/** Decodes and writes; throws what refuses it. */
function carryOut(channel: Channel, message: Message, put: PutRequest): void | Promise<void> {
  const { dataType: type } = message
  if (type > Dbr.DOUBLE && type !== DBR_PUT_ACKT && type !== DBR_PUT_ACKS) {
    throw new PutRefused(`${channel.pv.name}: DBR type ${type} cannot be written`, Eca.BADTYPE)
  }
  let data: NativeData
  try {
    const single = !channel.pv.definition.isArray && !channel.longString
    const { value } = decodeDbr(message, single)
    data = (typeof value === "object" ? value : [value]) as NativeData
  } catch (error) {
    throw new PutRefused(error instanceof CaError ? error.message : String(error), Eca.BADCOUNT)
  }
  if (type <= Dbr.DOUBLE) return channel.pv.write(data, type as DbrBase, channel.longString, put)
  const severity = Number(data[0] ?? 0)
  if (type === DBR_PUT_ACKT) channel.pv.acknowledge({ ackTransient: severity })
  else if (severity >= channel.pv.snapshot.ackSeverity) channel.pv.acknowledge({ ackSeverity: 0 })
}

/** Answers when the put has finished, unless the client has gone or was answered before. */
function follow(
  circuit: Circuit,
  channel: Channel,
  put: PutRequest,
  outcome: Promise<void>,
  answer: (error?: unknown) => void,
): void {
  let answered = false
  const finish = (error?: unknown): void => {
    if (answered) return
    answered = true
    if (put.notify && !channel.puts.delete(put)) return
    if (put.notify) circuit.pendingPuts--
    if (!circuit.closed) answer(error)
  }
  if (put.notify) {
    channel.puts.set(put, finish)
    circuit.pendingPuts++
  }
  outcome.then(
    () => (put.notify ? finish() : undefined),
    error => finish(error ?? new Error("the put failed")),
  )
}

function reply(
  circuit: Circuit,
  channel: Channel | undefined,
  request: FailedRequest,
  notify: boolean,
  error: unknown,
): void {
  const { status, text } = error === undefined ? { status: Eca.NORMAL, text: "" } : describeRefusal(error)
  if (error !== undefined) {
    report({ kind: "put-failed", pv: channel?.pv.name ?? "", peer: circuit.client.address, error })
  }
  if (notify) {
    writePutReply(circuit.output.writer, request.type, request.count, status, request.p2)
    circuit.output.written()
  } else {
    circuit.fail(request, status, text, channel?.cid)
  }
}
