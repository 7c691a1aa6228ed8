/**
 * Loaded before every test file: a test at a beamline must never send one datagram to the facility's
 * network, whatever variables its shell has set, and whatever the code under test gets wrong.
 */
import dgram from "node:dgram"
import { Socket } from "node:net"

for (const name of Object.keys(process.env)) {
  if (/^(EPICS_(CA|CAS|PVA|PVAS)_|DM_)/.test(name)) delete process.env[name]
}
process.env["EPICS_CA_AUTO_ADDR_LIST"] = "NO"
process.env["EPICS_CA_ADDR_LIST"] = "127.0.0.1"
process.env["EPICS_PVA_AUTO_ADDR_LIST"] = "NO"
process.env["EPICS_PVA_ADDR_LIST"] = "127.0.0.1"

const isLoopback = (address: string): boolean =>
  /^(::ffff:)?127\./.test(address) || address === "::1" || address === "localhost"

/** Sockets whose multicast stays on the loopback interface: pvAccess forwards that way between local sockets. */
const localMulticast = new WeakSet<dgram.Socket>()
const isMulticast = (address: string): boolean => /^(22[4-9]|23\d)\./.test(address)

const setMulticastInterface = dgram.Socket.prototype.setMulticastInterface
dgram.Socket.prototype.setMulticastInterface = function (this: dgram.Socket, address: string): void {
  if (isLoopback(address)) localMulticast.add(this)
  else localMulticast.delete(this)
  setMulticastInterface.call(this, address)
}

const send = dgram.Socket.prototype.send as (...args: unknown[]) => void
dgram.Socket.prototype.send = function (this: dgram.Socket, ...args: unknown[]): void {
  const address = args.find((arg): arg is string => typeof arg === "string" && args.indexOf(arg) > 0)
  const stays =
    address === undefined || isLoopback(address) || (isMulticast(address) && localMulticast.has(this))
  if (!stays) {
    throw new Error(`a test tried to send a datagram to ${address}: tests talk only to 127.0.0.1`)
  }
  send.apply(this, args)
} as typeof dgram.Socket.prototype.send

const connect = Socket.prototype.connect as (...args: unknown[]) => Socket
Socket.prototype.connect = function (this: Socket, ...args: unknown[]): Socket {
  // `net.connect` hands over an already normalised [options, callback] array.
  const first = Array.isArray(args[0]) ? args[0][0] : args[0]
  const host =
    typeof first === "object" && first !== null && "host" in first
      ? first.host
      : typeof args[1] === "string"
        ? args[1]
        : undefined
  if (typeof host === "string" && !isLoopback(host)) {
    throw new Error(`a test tried to connect to ${host}: tests talk only to 127.0.0.1`)
  }
  return connect.apply(this, args)
} as typeof Socket.prototype.connect
