import { CA_MINOR_VERSION, Command } from "../constants.ts"
import type { Message } from "../message.ts"
import type { MessageWriter } from "../writer.ts"
import { ipv4ToNumber, numberToIpv4 } from "./search.ts"

// RSRV_IS_UP (beacon), REPEATER_REGISTER, REPEATER_CONFIRM: UDP only

export interface Beacon {
  /** TCP port of the server. */
  port: number
  /** Counts up by one with each beacon. */
  counter: number
  /** Undefined: the sender. */
  host: string | undefined
  minor: number
}

export const writeBeacon = (writer: MessageWriter, port: number, counter: number, host?: string): void => {
  const address = host === undefined ? 0 : ipv4ToNumber(host)
  writer.begin(Command.BEACON, 0, CA_MINOR_VERSION, port, counter, address)
}

export const readBeacon = (message: Message): Beacon => ({
  port: message.count,
  counter: message.p1,
  host: message.p2 === 0 ? undefined : numberToIpv4(message.p2),
  minor: message.dataType,
})

/** Client to repeater: pass beacons on to the port this comes from. */
export const writeRepeaterRegister = (writer: MessageWriter, host?: string): void => {
  writer.begin(Command.REPEATER_REGISTER, 0, 0, 0, 0, host === undefined ? 0 : ipv4ToNumber(host))
}

/** Repeater to client: registered. */
export const writeRepeaterConfirm = (writer: MessageWriter, host: string): void => {
  writer.begin(Command.REPEATER_CONFIRM, 0, 0, 0, 0, ipv4ToNumber(host))
}

/** Address in REPEATER_REGISTER and REPEATER_CONFIRM. */
export const readRepeaterAddress = (message: Message): string => numberToIpv4(message.p2)
