import { type Endpoint, type SendFailures, TcpLink, type TcpLinkHandler, UdpPort } from "@ophyd-ts/epics-net"

/** What a circuit hears of its connection. */
export type LinkHandler = TcpLinkHandler

/** A byte stream to a server. */
export interface Link {
  write(bytes: Uint8Array, written?: () => void): void
  /** Bytes that were written and not taken yet. */
  readonly backlog: number
  end(): Promise<void>
  destroy(): void
}

/** A socket for datagrams. */
export interface DatagramPort {
  send(datagram: Uint8Array, to: Endpoint): void
  close(): Promise<void>
}

/** How a client reaches the network; a test may put something else in its place. */
export interface Transport {
  connect(endpoint: Endpoint, handler: LinkHandler): Link
  /** `failures` is told of destinations that cannot be sent to. */
  openUdp(
    onDatagram: (datagram: Uint8Array, from: Endpoint) => void,
    failures: SendFailures,
  ): Promise<DatagramPort>
}

export const networkTransport: Transport = {
  connect: (endpoint, handler) => new TcpLink(endpoint, handler),
  openUdp: (onDatagram, { onSendError, onSent }) => UdpPort.open({ onDatagram, onSendError, onSent }),
}
