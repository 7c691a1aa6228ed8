import { EpicsError } from "./errors.ts"

/** The protocols that a prefix or PV name may begin with. */
export type Protocol = "ca" | "pva"

const protocols: readonly string[] = ["ca", "pva"]

export interface Address {
  readonly protocol: Protocol
  /** PV name without the protocol. */
  readonly name: string
}

/** Takes `ca://IOC:m1.RBV` apart; a name without protocol gets the default. */
export function parseAddress(text: string, protocol: Protocol = "ca"): Address {
  const mark = text.indexOf("://")
  if (mark < 0) return { protocol, name: text }
  const given = text.slice(0, mark)
  if (protocols.includes(given)) return { protocol: given as Protocol, name: text.slice(mark + 3) }
  throw new EpicsError("BAD_ADDRESS", `${text}: "${given}" is none of the protocols ${protocols.join(", ")}`)
}

/** A PV name from a device's prefix and a member's suffix. A suffix with a protocol is a whole name. */
export function join(prefix: string, suffix: string): string {
  return suffix.includes("://") ? suffix : `${prefix}${suffix}`
}
