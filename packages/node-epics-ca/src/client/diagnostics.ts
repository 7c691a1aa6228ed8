import { type Channel, channel } from "node:diagnostics_channel"

/** What is published, by the last part of the channel's name `node-epics-ca:…`. */
export interface CaTrace {
  /** A search went out. */
  search: { names: readonly string[]; destinations: number }
  /** A TCP circuit changed its state. */
  circuit: { server: string; priority: number; state: string; error?: Error | undefined }
  /** A channel changed its state. */
  channel: { name: string; state: string; server: string | undefined }
  /** Something is wrong that fails no call: a second server with the same name, an error that fits no request … */
  problem: { what: string; server?: string | undefined; name?: string | undefined; error?: unknown }
}

const channels = {
  search: channel("node-epics-ca:search"),
  circuit: channel("node-epics-ca:circuit"),
  channel: channel("node-epics-ca:channel"),
  problem: channel("node-epics-ca:problem"),
} satisfies Record<keyof CaTrace, Channel>

/** Publishes on `node:diagnostics_channel`; the message is made only when somebody listens. */
export function trace<K extends keyof CaTrace>(kind: K, message: () => CaTrace[K]): void {
  const target = channels[kind]
  if (target.hasSubscribers) target.publish(message())
}
