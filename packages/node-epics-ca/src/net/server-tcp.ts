import { type AddressInfo, createServer, type Socket } from "node:net"
import type { CircuitEvents, CircuitTransport } from "../server/transport.ts"

/** A listening TCP port. */
export interface TcpListener {
  readonly port: number
  /** Stops listening; open connections are their circuits' business. */
  close(): Promise<void>
}

/** Listens on a port, 0 for a free one. `outputBytes` may wait in a socket before a write is told to hold. */
export function listenTcp(
  at: { readonly host: string; readonly port: number; readonly outputBytes: number },
  accept: (transport: CircuitTransport) => CircuitEvents | undefined,
  onError: (error: Error) => void,
): Promise<TcpListener> {
  const options = { noDelay: true, keepAlive: true, highWaterMark: at.outputBytes }
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
    end: () => socket.destroySoon(),
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
