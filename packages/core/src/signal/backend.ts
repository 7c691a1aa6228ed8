import type { Datatype } from "../datatypes/datatype.ts"
import type { MaybePromise } from "../protocols.ts"
import type { Reading } from "../reading.ts"
import type { Metadata } from "./metadata.ts"

/** Where a backend's connection is. */
export interface ConnectionState {
  readonly connected: boolean
  /** For people: `not started`, `searching`, `connecting`, `no such field`, `wrong type`, `connected`. */
  readonly state: string
  /** The last address tried, or the one it is connected to. */
  readonly address?: string | undefined
  /** What went wrong there, while it is not connected: `127.0.0.1:5064 refused the connection (ECONNREFUSED)`. */
  readonly reason?: string | undefined
  /** Which part this is about, when it is not the whole: `ca://IOC:Gain_RBV`. */
  readonly source?: string | undefined
  /** It need not exist: when time runs out before that is known, it is no failure of its own. */
  readonly optional?: boolean | undefined
}

/**
 * Hears of readings. Written as a method type so that a signal of numbers may stand where a signal of anything is asked
 * for: TypeScript compares method parameters in both directions.
 */
export type ReadingListener<T> = { hear(reading: Reading<T>): void }["hear"]

export interface PutOptions {
  /** Wait until the server has finished all that the write set going; otherwise only until it was sent. */
  completion: boolean
}

/**
 * One value somewhere: in memory, in a test, behind a protocol. Signals talk to nothing else, so the same device class
 * runs over each of them. Making one does no I/O.
 */
export interface SignalBackend<T> {
  /** `ca://IOC:m1.RBV`, `soft://`, … */
  readonly source: string
  readonly datatype: Datatype<T>
  readonly connection: ConnectionState
  /** It is made of other signals and stays as it is when they are mocked. */
  readonly keepsInMock?: boolean
  /** Valid once connected; replaced as a whole when the server changes it. */
  readonly metadata: Metadata
  /**
   * Resolves when values can be read and written and the server's type fits the declared one; rejects when it never
   * will. It need not watch the time: whoever connects has a deadline. Calling it again gives the same promise, or
   * tries again when the last attempt failed.
   */
  connect(): MaybePromise<void>
  /** A fresh value. */
  read(): MaybePromise<Reading<T>>
  /** The value last asked for, where that is something else than what `read` gives. */
  readSetpoint?(): MaybePromise<Reading<T>>
  /** Writes a checked value. Rejects with the server's reason when it refuses, and with "outcome unknown" on a break. */
  put(value: T, options: PutOptions): MaybePromise<void>
  /** Calls with the present value and each change; the function it gives ends that. Survives reconnects. */
  monitor(listener: ReadingListener<T>): () => void
  /** Calls when the connection comes and goes; the function it gives ends that. */
  onConnection(listener: (connected: boolean) => void): () => void
}

/** A backend whose value its owner sets without a write: a soft or a mock one. */
export interface AssignableBackend<T> extends SignalBackend<T> {
  assign(value: T, about?: Partial<Omit<Reading<T>, "value">>): void
}

export const isAssignable = <T>(backend: SignalBackend<T>): backend is AssignableBackend<T> =>
  "assign" in backend && typeof backend.assign === "function"

/** Calls when what is made of several parts comes and goes as a whole; the function it gives ends that. */
export function onWhole(
  parts: readonly { onConnection(listener: () => void): () => void }[],
  isConnected: () => boolean,
  listener: (connected: boolean) => void,
): () => void {
  let last = isConnected()
  const changed = () => {
    const now = isConnected()
    if (now !== last) listener(now)
    last = now
  }
  const ends = parts.map(part => part.onConnection(changed))
  return () => {
    for (const end of ends) end()
  }
}
