import { CaError } from "../errors.ts"
import { EventMask, MAX_NAME_BYTES } from "../wire/constants.ts"
import { Dbr, DbrFamily } from "../wire/dbr-types.ts"
import { textBytes } from "../wire/text.ts"
import type { CaCallOptions } from "./operation.ts"
import { type Presentation, TIME } from "./read.ts"

/** A native type by its name. */
export type CaTypeName = "string" | "short" | "float" | "enum" | "char" | "long" | "double"

/** How a value is to be presented by the server. */
export interface CaPresentation {
  /** Let the server convert to this type. Default: the channel's own. An enum as `string` gives its label. */
  type?: CaTypeName
  /** Elements at most. Default 0: as many as the value has. */
  count?: number
  /** Show a CHAR array as text up to its first NUL. Default: for the `$` form of a field (`REC.DESC$`) true, else false. */
  text?: boolean
}

export interface CaGetOptions extends CaPresentation, CaCallOptions {
  /** Also read limits, units, precision and enum labels; one more request, sent together with the first. Default false. */
  metadata?: boolean
}

export interface CaPutOptions extends CaCallOptions {
  /**
   * Wait until everything that the write started has finished (a motor has arrived, a scan is over). Then `timeout` has no
   * default: it counts from the moment of sending, and without one the wait is unlimited. Default false: resolves when the server
   * has taken the value.
   */
  completion?: boolean
  /** What a put with completion does while another one is under way on this channel. Default `reject`, with PUT_PENDING. */
  whenBusy?: "reject" | "queue"
}

/** What a subscription may be told about. */
export type CaEvent = "value" | "log" | "alarm" | "property"

const baseByName: Record<CaTypeName, number> = {
  string: Dbr.STRING,
  short: Dbr.SHORT,
  float: Dbr.FLOAT,
  enum: Dbr.ENUM,
  char: Dbr.CHAR,
  long: Dbr.LONG,
  double: Dbr.DOUBLE,
}

const TIME_TEXT: Presentation = { ...TIME, text: true }

/** A field's long form, with or without filters behind it. */
const isLongForm = (name: string): boolean => name.endsWith("$") || name.includes("${")

export function presentation(name: string, options: CaPresentation | undefined): Presentation {
  const { type, count = 0, text = isLongForm(name) } = options ?? {}
  if (type === undefined && count === 0) return text ? TIME_TEXT : TIME
  const base = type === undefined ? undefined : baseByName[type]
  if (type !== undefined && base === undefined)
    throw new CaError("BAD_INPUT", `${name}: there is no type "${type}"`)
  if (!Number.isInteger(count) || count < 0 || count > 0xffffffff) {
    throw new CaError("BAD_INPUT", `${name}: count must be a whole number of elements, not ${count}`)
  }
  return { base, family: DbrFamily.TIME, count, text }
}

/** The same with metadata in place of the time stamp. */
export const control = (how: Presentation): Presentation => ({ ...how, family: DbrFamily.CTRL })

const bits: Record<CaEvent, number> = {
  value: EventMask.VALUE,
  log: EventMask.LOG,
  alarm: EventMask.ALARM,
  property: EventMask.PROPERTY,
}

/** The mask of a list of events. An empty one would cost the circuit with some servers. */
export function eventMask(name: string, events: readonly CaEvent[] = ["value", "alarm"]): number {
  const mask = events.reduce((sum, event) => sum | (bits[event] ?? 0x100), 0)
  if (mask === 0 || mask > 0xff) {
    throw new CaError(
      "BAD_INPUT",
      `${name}: events must be some of value, log, alarm, property, not [${events}]`,
    )
  }
  return mask
}

export function checkName(name: string): void {
  if (typeof name !== "string" || name === "" || name.includes("\0") || textBytes(name) > MAX_NAME_BYTES) {
    const shown = typeof name === "string" ? JSON.stringify(name.slice(0, 60)) : String(name)
    throw new CaError("BAD_INPUT", `${shown} is no channel name: 1 to ${MAX_NAME_BYTES} bytes, without NUL`)
  }
}

/** Seconds of a time limit. */
export function checkLimit(name: string, limit: number): number {
  if (!(limit >= 0))
    throw new CaError("BAD_INPUT", `${name}: timeout must be a number of seconds, not ${limit}`)
  return limit
}

export function checkPriority(name: string, priority: number): number {
  if (!(Number.isInteger(priority) && priority >= 0 && priority <= 99)) {
    throw new CaError("BAD_INPUT", `${name}: priority must be a whole number from 0 to 99, not ${priority}`)
  }
  return priority
}
