const severities = ["warning", "success", "error", "info", "severe", "fatal"] as const

/** How grave an ECA status is. */
export type EcaSeverity = (typeof severities)[number]

// number → [name, severity index, text]; value on the wire = number << 3 | severity.
const table = [
  [0, "NORMAL", 1, "done"],
  [1, "MAXIOC", 2, "too many servers"],
  [2, "UKNHOST", 2, "unknown host"],
  [3, "UKNSERV", 2, "unknown service"],
  [4, "SOCK", 2, "no socket to be had"],
  [5, "CONN", 0, "could not connect"],
  [6, "ALLOCMEM", 0, "out of memory"],
  [7, "UKNCHAN", 0, "unknown channel"],
  [8, "UKNFIELD", 0, "unknown field"],
  [9, "TOLARGE", 0, "larger than the transfer limit"],
  [10, "TIMEOUT", 0, "timed out"],
  [11, "NOSUPPORT", 0, "not supported"],
  [12, "STRTOBIG", 0, "string too long"],
  [13, "DISCONNCHID", 2, "channel is disconnected"],
  [14, "BADTYPE", 2, "invalid data type"],
  [15, "CHIDNOTFND", 3, "channel not found"],
  [16, "CHIDRETRY", 3, "channel is searched again"],
  [17, "INTERNAL", 6, "protocol violation or internal failure"],
  [18, "DBLCLFAIL", 0, "database operation failed"],
  [19, "GETFAIL", 0, "read failed"],
  [20, "PUTFAIL", 0, "write failed"],
  [21, "ADDFAIL", 0, "subscription failed"],
  [22, "BADCOUNT", 0, "element count not acceptable"],
  [23, "BADSTR", 2, "invalid string"],
  [24, "DISCONN", 0, "circuit lost"],
  [25, "DBLCHNL", 0, "more than one server has this name"],
  [26, "EVDISALLOW", 2, "not allowed in an update callback"],
  [27, "BUILDGET", 0, "bad build-and-get"],
  [28, "NEEDSFP", 0, "needs floating point"],
  [29, "OVEVFAIL", 0, "event queue overflow"],
  [30, "BADMONID", 2, "unknown subscription"],
  [31, "NEWADDR", 0, "channel has a new address"],
  [32, "NEWCONN", 3, "channel is newly connected"],
  [33, "NOCACTX", 0, "no context"],
  [34, "DEFUNCT", 6, "feature or protocol version is defunct"],
  [35, "EMPTYSTR", 0, "empty name"],
  [36, "NOREPEATER", 0, "no repeater"],
  [37, "NOCHANMSG", 0, "reply for an unknown channel"],
  [38, "DLCKREST", 0, "dead connection was reset"],
  [39, "SERVBEHIND", 0, "server is slow"],
  [40, "NOCAST", 0, "no broadcast interface"],
  [41, "BADMASK", 2, "invalid event mask"],
  [42, "IODONE", 3, "input and output done"],
  [43, "IOINPROGRESS", 3, "input and output in progress"],
  [44, "BADSYNCGRP", 2, "invalid synchronous group"],
  [45, "PUTCBINPROG", 2, "a put with completion was superseded or timed out in the server"],
  [46, "NORDACCESS", 0, "no read access"],
  [47, "NOWTACCESS", 0, "no write access"],
  [48, "ANACHRONISM", 2, "obsolete request"],
  [49, "NOSEARCHADDR", 0, "empty search address list"],
  [50, "NOCONVERT", 0, "no conversion between these types"],
  [51, "BADCHID", 2, "invalid channel"],
  [52, "BADFUNCPTR", 2, "invalid function"],
  [53, "ISATTACHED", 0, "already attached"],
  [54, "UNAVAILINSERV", 0, "not supported by this server"],
  [55, "CHANDESTROY", 0, "channel was destroyed"],
  [56, "BADPRIORITY", 2, "priority out of range"],
  [57, "NOTTHREADED", 2, "not threaded"],
  [58, "16KARRAYCLIENT", 0, "array too large for this peer's version"],
  [59, "CONNSEQTMO", 0, "connection sequence timed out"],
  [60, "UNRESPTMO", 0, "server does not respond"],
] as const

type Row = (typeof table)[number]
/** Name of an ECA status, without the ECA_ prefix. */
export type EcaName = Row[1]

const value = (number: number, severity: number): number => (number << 3) | severity

/** ECA status values as they travel: number times 8 plus severity. NORMAL (success) is 1. */
export const Eca = Object.fromEntries(
  table.map(([number, name, severity]) => [name, value(number, severity)]),
) as Readonly<Record<EcaName, number>>

const rows = new Map<number, Row>(table.map(row => [row[0], row]))

/** True for a status that means success. */
export const ecaSuccess = (status: number): boolean => (status & 1) === 1

/** Name, gravity and meaning of a status; a number that nobody defined is described as such. */
export function describeEca(status: number): { name: string; severity: EcaSeverity; text: string } {
  const row = rows.get(status >>> 3)
  const severity = severities[status & 7] ?? "error"
  if (row === undefined) return { name: `status ${status}`, severity, text: "unknown status" }
  return { name: `ECA_${row[1]}`, severity, text: row[3] }
}

/** `ECA_PUTFAIL (write failed)`, for messages. */
export function ecaText(status: number): string {
  const { name, text } = describeEca(status)
  return `${name} (${text})`
}
