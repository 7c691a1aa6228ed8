import { type Clock, systemClock } from "@ophyd-ts/epics-net"
import { PvaClient } from "../../src/client/client.ts"
import type { PvaClientConfig } from "../../src/client/config.ts"
import type { PvaServerConfig } from "../../src/server/config.ts"
import { PvaServer } from "../../src/server/server.ts"

/** A server that nobody else can see, and a client that sees nothing else. */
export class Pair implements AsyncDisposable {
  readonly server: PvaServer
  readonly client: PvaClient

  private constructor(server: PvaServer, client: PvaClient) {
    this.server = server
    this.client = client
  }

  static async open(config: PvaServerConfig = {}, clientConfig: PvaClientConfig = {}): Promise<Pair> {
    const server = await PvaServer.open({ isolated: true, ...config })
    return new Pair(server, new PvaClient({ ...server.clientConfig(), ...clientConfig }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close()
    await this.server.close()
  }
}

/** A client of one TCP port of this machine. */
export const clientOf = (port: number, config: PvaClientConfig = {}): PvaClient =>
  new PvaClient({
    addressList: [],
    autoAddressList: false,
    nameServers: [`127.0.0.1:${port}`],
    env: {},
    ...config,
  })

/** A clock on which everything takes a fraction of the time, for what would take minutes. */
export const fastClock = (factor: number): Clock => ({
  now: () => systemClock.now() * factor,
  after: (seconds, fn) => systemClock.after(seconds / factor, fn),
  soon: fn => systemClock.soon(fn),
})

/** A promise and what settles it. */
export function deferred<T = void>(): {
  promise: Promise<T>
  resolve: (value: T) => void
  reject: (e: unknown) => void
} {
  let resolve!: (value: T) => void
  let reject!: (e: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

/** The next `n` updates of a monitor. */
export async function take<T>(updates: AsyncIterable<T>, n: number): Promise<T[]> {
  const taken: T[] = []
  for await (const update of updates) {
    taken.push(update)
    if (taken.length === n) break
  }
  return taken
}

/** Replaces a little-endian port number behind an all-IPv4-any address, as search responses have it. */
export function replacePort(chunk: Buffer, from: number, to: number): Buffer {
  const pattern = Buffer.from([0xff, 0xff, 0, 0, 0, 0, from & 0xff, from >> 8])
  for (let at = chunk.indexOf(pattern); at >= 0; at = chunk.indexOf(pattern, at + 1))
    chunk.writeUInt16LE(to, at + 6)
  return chunk
}
