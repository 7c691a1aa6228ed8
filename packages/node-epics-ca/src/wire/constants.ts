/** The protocol is "4.x"; only x travels. 13 brought element count 0 (CA specification, "Versioning"). */
export const CA_MINOR_VERSION = 13

/** Servers listen on this TCP and UDP port unless told otherwise. */
export const CA_SERVER_PORT = 5064
/** Beacons go to this UDP port, which the repeater of each host owns. */
export const CA_REPEATER_PORT = 5065

export const HEADER_SIZE = 16
export const EXTENDED_HEADER_SIZE = 24

/** Marks an extended header in the 16-bit payload size field; larger sizes and counts need one. */
export const EXTENDED_MARK = 0xffff

/** "None" or "the sender of this message", where the protocol carries an address or a channel. */
export const ALL_ONES = 0xffffffff

/** Search requests stay at or below this datagram size: it fits every path and gateway. */
export const MAX_SEARCH_DATAGRAM = 1024

/** Longest channel name in bytes that servers accept, terminator excluded. */
export const MAX_NAME_BYTES = 500

export const Command = {
  VERSION: 0,
  EVENT_ADD: 1,
  EVENT_CANCEL: 2,
  READ: 3,
  WRITE: 4,
  SNAPSHOT: 5,
  SEARCH: 6,
  BUILD: 7,
  EVENTS_OFF: 8,
  EVENTS_ON: 9,
  READ_SYNC: 10,
  ERROR: 11,
  CLEAR_CHANNEL: 12,
  BEACON: 13,
  NOT_FOUND: 14,
  READ_NOTIFY: 15,
  READ_BUILD: 16,
  REPEATER_CONFIRM: 17,
  CREATE_CHAN: 18,
  WRITE_NOTIFY: 19,
  CLIENT_NAME: 20,
  HOST_NAME: 21,
  ACCESS_RIGHTS: 22,
  ECHO: 23,
  REPEATER_REGISTER: 24,
  SIGNAL: 25,
  CREATE_CH_FAIL: 26,
  SERVER_DISCONN: 27,
} as const

/** One of the command numbers in {@link Command}. */
export type Command = (typeof Command)[keyof typeof Command]

const commandNames = new Map<number, string>(Object.entries(Command).map(([name, id]) => [id, name]))

/** The field's name of a command number, for messages and traces. */
export const commandName = (command: number): string => commandNames.get(command) ?? `command ${command}`

/** Reply flag of a search: answer only when the name exists. */
export const SEARCH_REPLY_IF_FOUND = 5
/** Reply flag of a search: answer NOT_FOUND otherwise (TCP only). */
export const SEARCH_REPLY_ALWAYS = 10

/** Subscription mask bits. */
export const EventMask = { VALUE: 1, LOG: 2, ALARM: 4, PROPERTY: 8 } as const

/** Access rights bits. */
export const Access = { READ: 1, WRITE: 2 } as const
