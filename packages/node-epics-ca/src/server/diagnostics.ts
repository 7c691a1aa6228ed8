import { channel } from "node:diagnostics_channel"

/** What happens inside a server, published on the diagnostics channel `node-epics-ca:server`. */
export type ServerEvent =
  | {
      readonly kind: "circuit-opened" | "circuit-closed"
      readonly server: string
      readonly peer: string
      readonly reason?: Error
    }
  | {
      readonly kind: "client-mistake"
      readonly server: string
      readonly peer: string
      readonly command: string
      readonly text: string
    }
  | { readonly kind: "put-failed"; readonly pv: string; readonly peer: string; readonly error: unknown }
  | {
      readonly kind: "handler-failed"
      readonly server: string
      readonly name: string
      readonly error: unknown
    }
  | {
      readonly kind: "datagram-refused"
      readonly server: string
      readonly peer: string
      readonly bytes: number
    }
  | { readonly kind: "network-error"; readonly server: string; readonly error: unknown }

/** Name of the diagnostics channel. */
export const SERVER_CHANNEL = "node-epics-ca:server"

const events = channel(SERVER_CHANNEL)

export function report(event: ServerEvent): void {
  if (events.hasSubscribers) events.publish(event)
}
