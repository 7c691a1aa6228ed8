import { type AddressInfo, createServer, type Socket } from "node:net"
import type { CircuitEvents, CircuitTransport } from "../server/transport.ts"

/** A listening TCP port. */
export interface TcpListener {
  readonly port: number
  /** Stops listening; resolves when all connections are gone. Ending them is their circuits' business. */
  close(): Promise<void>
}

/** Milliseconds of silence after which the operating system looks whether the client's machine is still there. */
const keepAliveInitialDelay = 60_000

/** Milliseconds that a client may take for the last bytes of a circuit that the server ends. */
const FAREWELL = 1000

/** Listens on a port, 0 for a free one. `outputBytes` may wait in a socket before a write is told to hold. */
export function listenTcp(
  at: { readonly host: string; readonly port: number; readonly outputBytes: number },
  accept: (transport: CircuitTransport) => CircuitEvents | undefined,
  onError: (error: Error) => void,
): Promise<TcpListener> {
  const options = { noDelay: true, keepAlive: true, keepAliveInitialDelay, highWaterMark: at.outputBytes }
  const server = createServer(options, socket => serve(socket, accept))
  return new Promise((resolve, reject) => {
    server.once("error", reject)
    server.listen(at.port, at.host, () => {
      server.off("error", reject)
      server.on("error", onError)
      const { port } = server.address() as AddressInfo
      const close = (): Promise<void> => new Promise(done => server.close(() => done()))
      resolve({ port, close })
    })
  })
}

function serve(socket: Socket, accept: (transport: CircuitTransport) => CircuitEvents | undefined): void {
  // A reset is followed by "close", which is all a circuit needs to know.
  socket.on("error", () => undefined)
  const events = accept({
    peer: `${socket.remoteAddress ?? "unknown"}:${socket.remotePort ?? 0}`,
    write: (bytes, done) => socket.write(bytes, done),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    end: () => {
      socket.destroySoon()
      // A client that never reads would keep the connection, and a server that closes, waiting for ever.
      const timer = setTimeout(() => socket.destroy(), FAREWELL)
      socket.once("close", () => clearTimeout(timer))
    },
    destroy: () => socket.destroy(),
  })
  if (events === undefined) {
    socket.destroy()
    return
  }
  socket.on("data", chunk => events.onData(chunk))
  socket.on("drain", () => events.onDrain())
  socket.on("close", () => events.onClose())
}
