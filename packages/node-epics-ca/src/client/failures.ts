import { formatEndpoint } from "@ophyd-ts/epics-net"
import { CaChannelError, CaError, type CaErrorCode } from "../errors.ts"
import { ecaText } from "../wire/eca.ts"
import type { Channel } from "./channel.ts"
import { searchedPlaces } from "./config.ts"

/** Puts together the errors of operations: what was attempted, on which channel, where, in which state, after how long. */

const seconds = (value: number): string => `${Number(value.toPrecision(3))} s`

export function channelError(
  code: CaErrorCode,
  channel: Channel,
  text: string,
  more: { status?: number; cause?: unknown } = {},
): CaChannelError {
  const server = channel.circuit === undefined ? undefined : formatEndpoint(channel.circuit.endpoint)
  const where = { channel: channel.name, state: channel.state, server, status: more.status }
  return new CaChannelError(code, text, where, more.cause === undefined ? undefined : { cause: more.cause })
}

/** An operation ran out of time before it could be sent. */
export function notConnected(channel: Channel, action: string, elapsed: number): CaChannelError {
  const { name, state, circuit, context, searchAttempts: attempts, lastFailure } = channel
  const head = `${action} ${name} failed after ${seconds(elapsed)}:`
  const before = lastFailure === undefined ? "" : `; before that: ${lastFailure}`
  if (state === "searching") {
    const servers = context.search.describeServers()
    const times = attempts === 1 ? "once" : `${attempts} times`
    const text = `${head} no server answered for this name; searched ${times} ${searchedPlaces(context.settings)}`
    return channelError("NOT_FOUND", channel, `${text}${servers}${before}`)
  }
  const at = circuit === undefined ? "" : ` at ${formatEndpoint(circuit.endpoint)}`
  const what = {
    connecting: `a server${at} has the name, but the TCP connection to it is not up`,
    creating: `the server${at} was found but does not create the channel`,
    unresponsive: `the server${at} has fallen silent`,
    connected: `connected${at}`,
    closed: "the channel is closed",
  }[state]
  return channelError("TIMEOUT", channel, `${head} ${what}${before}`)
}

/** An operation was sent and nothing came back in time. */
export function noReply(channel: Channel, action: string, elapsed: number, write: boolean): CaChannelError {
  const rest = write ? "; the server may still carry it out" : ""
  const at = channel.circuit === undefined ? "" : ` at ${formatEndpoint(channel.circuit.endpoint)}`
  const silent = channel.state === "unresponsive" ? ", which has fallen silent" : ""
  const text = `${action} ${channel.name}: no reply within ${seconds(elapsed)} from the server${at}${silent}${rest}`
  return channelError("TIMEOUT", channel, text)
}

/** So much waits for the server already that nothing more is put on top. */
export function backlog(channel: Channel, action: string, bytes: number): CaChannelError {
  const at = channel.circuit === undefined ? "the server" : formatEndpoint(channel.circuit.endpoint)
  const text = `${action} ${channel.name}: ${bytes} bytes wait for ${at}, which does not read; nothing was sent`
  return channelError("OVERFLOW", channel, text)
}

/** The server answered that it did not do it. */
export function refused(channel: Channel, action: string, status: number, detail = ""): CaChannelError {
  const more = detail === "" || detail === channel.name ? "" : `: ${detail}`
  const at = channel.circuit === undefined ? "the server" : formatEndpoint(channel.circuit.endpoint)
  const text = `${action} ${channel.name}: ${at} answered ${ecaText(status)}${more}`
  return channelError("REMOTE", channel, text, { status })
}

/** The circuit, or the channel on it, was lost while the operation was under way. */
export function lost(channel: Channel, action: string, write: boolean, cause: CaError): CaChannelError {
  return write
    ? channelError(
        "OUTCOME_UNKNOWN",
        channel,
        `${action} ${channel.name}: outcome unknown, the connection broke before the server confirmed (${cause.message})`,
        { cause },
      )
    : channelError("DISCONNECTED", channel, `${action} ${channel.name}: disconnected (${cause.message})`, {
        cause,
      })
}

export function noAccess(channel: Channel, action: string, right: string): CaChannelError {
  return channelError(
    "NO_ACCESS",
    channel,
    `${action} ${channel.name}: the server gives this client no ${right} access`,
  )
}

export function closed(channel: Channel, action: string): CaChannelError {
  return channelError("CLOSED", channel, `${action} ${channel.name}: the client was closed`)
}

export function aborted(channel: Channel, action: string, reason: unknown): CaChannelError {
  return channelError("ABORTED", channel, `${action} ${channel.name}: aborted by the caller`, {
    cause: reason,
  })
}

/** Any thrown thing as an error of this package. */
export const asCaError = (error: unknown): CaError =>
  error instanceof CaError
    ? error
    : new CaError("DISCONNECTED", error instanceof Error ? error.message : String(error), { cause: error })
