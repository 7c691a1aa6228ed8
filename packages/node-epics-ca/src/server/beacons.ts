import type { Clock } from "@ophyd-ts/epics-net"
import { writeBeacon } from "../wire/messages/beacon.ts"
import { MessageWriter } from "../wire/writer.ts"

/** The first beacons follow each other quickly: after this many seconds, then twice as many, and so on. */
const FIRST_INTERVAL = 0.02

/**
 * Announces a server until the returned function is called. Intervals double from 20 ms up to `period` seconds, so
 * that clients notice a restarted server at once.
 */
export function startBeacons(
  clock: Clock,
  period: number,
  tcpPort: number,
  send: (datagram: Uint8Array) => void,
): () => void {
  let counter = 0
  let interval = Math.min(FIRST_INTERVAL, period)
  let stop = (): void => undefined
  const beat = (): void => {
    const writer = new MessageWriter(64)
    writeBeacon(writer, tcpPort, counter)
    send(writer.take())
    counter = (counter + 1) >>> 0
    stop = clock.after(interval, beat)
    interval = Math.min(interval * 2, period)
  }
  beat()
  return () => stop()
}
