/** What a circuit needs of its socket. */
export interface CircuitTransport {
  /** `address:port` of the client. */
  readonly peer: string
  /** False when the bytes have to wait; `onDrain` follows. `done` tells when the memory may be used again. */
  write(bytes: Uint8Array, done: () => void): boolean
  /** Stops and resumes `onData`. */
  pause(): void
  resume(): void
  /** Sends what was written, then closes. */
  end(): void
  destroy(): void
}

/** What a socket tells its circuit. Nothing may throw. */
export interface CircuitEvents {
  /** The chunk may be used during the call only. */
  onData(chunk: Uint8Array): void
  onDrain(): void
  onClose(): void
}
