import { Flag, headerBytes } from "./codes.ts"
import { type FrameHandler, Framer } from "./framer.ts"
import type { PvaLimits } from "./limits.ts"

/**
 * Reads the messages of one datagram. What has the direction of this side is none of them, such as a search of its own
 * that came back. Throws PvaProtocolError on bytes that are no message, or not a whole one, before anything is
 * allocated for it.
 */
export function readDatagram(
  datagram: Uint8Array,
  limits: PvaLimits,
  expectServer: boolean,
  onMessage: FrameHandler["onMessage"],
): void {
  if (datagram.length < headerBytes || ((datagram[2]! & Flag.fromServer) !== 0) !== expectServer) return
  const maxMessageBytes = Math.min(limits.maxMessageBytes, datagram.length - headerBytes)
  new Framer({ ...limits, maxMessageBytes }, expectServer, { onMessage, onControl: () => {} }).push(datagram)
}
