/** Ports on 127.0.0.1 that nobody listens on. */
import { createSocket } from "node:dgram"
import { createServer } from "node:net"

/**
 * Below every system's range of ephemeral ports: no outgoing connection can take such a port between the moment a
 * server is killed and the moment it is started again.
 */
const lowest = 15_000
const highest = 32_000

/** Ports that this process has given out, so that two IOCs started at once do not get the same. */
const given = new Set<number>()

/** A port that is free for TCP and for UDP on 127.0.0.1. Somebody else may still take it: the caller checks. */
export async function freePort(random: () => number = Math.random): Promise<number> {
  for (;;) {
    const port = lowest + Math.floor(random() * (highest - lowest))
    if (given.has(port)) continue
    if ((await tcpFree(port)) && (await udpFree(port))) {
      given.add(port)
      return port
    }
  }
}

function tcpFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once("error", () => resolve(false))
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)))
  })
}

function udpFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = createSocket("udp4")
    socket.once("error", () => {
      socket.close()
      resolve(false)
    })
    socket.bind({ port, address: "127.0.0.1", exclusive: true }, () => socket.close(() => resolve(true)))
  })
}
