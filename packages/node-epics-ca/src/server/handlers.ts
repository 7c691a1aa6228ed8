import { Command, commandName } from "../wire/constants.ts"
import { Eca } from "../wire/eca.ts"
import type { Message } from "../wire/message.ts"
import { writeEchoReply } from "../wire/messages/echo.ts"
import { readIdentity } from "../wire/messages/identity.ts"
import { readSearch, writeCircuitSearchReply, writeNotFound } from "../wire/messages/search.ts"
import type { Circuit } from "./circuit.ts"
import { clearChannel, createChannel } from "./handle-channel.ts"
import { eventAdd, eventCancel, eventsOff, eventsOn } from "./handle-event.ts"
import { oldRead, readNotify } from "./handle-read.ts"
import { write, writeNotify } from "./handle-write.ts"

/** Carries out one message of a client. */
export type Handler = (circuit: Circuit, message: Message) => void

/** The oldest protocol that is spoken: older clients are told so. */
const OLDEST_MINOR = 4

const version: Handler = (circuit, message) => {
  circuit.minor = message.count
  if (message.count < OLDEST_MINOR) {
    circuit.fail(message, Eca.DEFUNCT, `protocol 4.${message.count} is too old, 4.${OLDEST_MINOR} is needed`)
  }
}

const echo: Handler = (circuit, message) => {
  writeEchoReply(circuit.output.writer, message)
  circuit.output.written()
}

const identity =
  (field: "user" | "host"): Handler =>
  (circuit, message) => {
    if (circuit.channels.size === 0) circuit.client[field] = readIdentity(message)
    else circuit.fail(message, Eca.INTERNAL, `${commandName(message.command)} after the first channel`)
  }

const search: Handler = (circuit, message) => {
  const request = readSearch(message)
  const { writer } = circuit.output
  if (request.name !== "" && circuit.server.resolve(request.name) !== undefined) {
    writeCircuitSearchReply(writer, request.id, circuit.server.port)
  } else if (request.replyAlways) {
    writeNotFound(writer, request)
  }
  circuit.output.written()
}

const unknown: Handler = (circuit, message) =>
  circuit.violation(message, Eca.INTERNAL, `a server does not understand ${commandName(message.command)}`)

const handlers: Readonly<Record<number, Handler>> = {
  [Command.VERSION]: version,
  [Command.EVENT_ADD]: eventAdd,
  [Command.EVENT_CANCEL]: eventCancel,
  [Command.READ]: oldRead,
  [Command.WRITE]: write,
  [Command.SEARCH]: search,
  [Command.EVENTS_OFF]: eventsOff,
  [Command.EVENTS_ON]: eventsOn,
  [Command.READ_SYNC]: echo,
  [Command.CLEAR_CHANNEL]: clearChannel,
  [Command.READ_NOTIFY]: readNotify,
  [Command.CREATE_CHAN]: createChannel,
  [Command.WRITE_NOTIFY]: writeNotify,
  [Command.CLIENT_NAME]: identity("user"),
  [Command.HOST_NAME]: identity("host"),
  [Command.ECHO]: echo,
}

export const handlerFor = (command: number): Handler => handlers[command] ?? unknown
