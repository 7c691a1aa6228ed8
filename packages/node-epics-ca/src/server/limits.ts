/** What a server grants its clients. Beyond each of these the client is told, or its circuit is closed. */
export interface ServerLimits {
  /** Circuits at a time; more are closed at once. */
  readonly circuits: number
  /** Channels per circuit; more get CREATE_CH_FAIL. */
  readonly channels: number
  /** Subscriptions per circuit; more get ADDFAIL. */
  readonly subscriptions: number
  /** Puts with completion under way per circuit; more get PUTCBINPROG. */
  readonly puts: number
  /** Bytes of one payload in either direction; larger requests get TOLARGE. */
  readonly payloadBytes: number
  /** Bytes that may wait for a client; beyond, its requests wait and only the newest update of each subscription is kept. */
  readonly outputBytes: number
  /** Bytes of messages that cannot wait or be merged (rights, completions); beyond, the circuit is closed. */
  readonly backlogBytes: number
  /** Bytes of a channel's name. */
  readonly nameBytes: number
  /** Seconds within which a new circuit must send its first message. */
  readonly helloTimeout: number
}

export const defaultLimits: ServerLimits = {
  circuits: 1000,
  channels: 100_000,
  subscriptions: 100_000,
  puts: 10_000,
  payloadBytes: 64 << 20,
  outputBytes: 256 << 10,
  backlogBytes: 4 << 20,
  nameBytes: 500,
  helloTimeout: 30,
}
