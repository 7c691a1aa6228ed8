import { structure, t } from "../values/field-type.ts"
import { isStructure, nodeOf, slotsOf } from "../values/structure.ts"

/** Parts that normative types have in common (EPICS V4 Normative Types specification, "Structured type definitions"). */
export const alarmType = structure("alarm_t", { severity: t.int, status: t.int, message: t.string })
export const timeType = structure("time_t", { secondsPastEpoch: t.long, nanoseconds: t.int, userTag: t.int })
export const enumType = structure("enum_t", { index: t.int, choices: t.strings })
export const displayType = structure("display_t", {
  limitLow: t.double,
  limitHigh: t.double,
  description: t.string,
  units: t.string,
  precision: t.int,
  form: enumType,
})
export const controlType = structure("control_t", {
  limitLow: t.double,
  limitHigh: t.double,
  minStep: t.double,
})
export const valueAlarmType = structure("valueAlarm_t", {
  active: t.boolean,
  lowAlarmLimit: t.double,
  lowWarningLimit: t.double,
  highWarningLimit: t.double,
  highAlarmLimit: t.double,
  lowAlarmSeverity: t.int,
  lowWarningSeverity: t.int,
  highWarningSeverity: t.int,
  highAlarmSeverity: t.int,
  hysteresis: t.double,
})

/** Names of the alarm severities, by number. */
export const severityNames = ["NO_ALARM", "MINOR", "MAJOR", "INVALID", "UNDEFINED"] as const
/** Names of the alarm status classes, by number; these are not those of Channel Access. */
export const statusNames = [
  "NO_STATUS",
  "DEVICE",
  "DRIVER",
  "RECORD",
  "DB",
  "CONF",
  "UNDEFINED",
  "CLIENT",
] as const

export interface Alarm {
  /** 0 none, 1 minor, 2 major, 3 invalid, 4 undefined. */
  readonly severity: number
  readonly status: number
  readonly message: string
}

export interface TimeStamp {
  /** Seconds since 1970, UTC; 0 means undefined. */
  readonly secondsPastEpoch: number
  readonly nanoseconds: number
  readonly userTag: number
}

/** A time for the `timeStamp` of a value: now, or so many milliseconds since 1970. */
export function timeStamp(milliseconds: number = Date.now()): TimeStamp {
  const secondsPastEpoch = Math.floor(milliseconds / 1000)
  const nanoseconds = Math.round((milliseconds - secondsPastEpoch * 1000) * 1e6)
  return { secondsPastEpoch, nanoseconds, userTag: 0 }
}

/** Seconds since 1970 as one number, exact to about a microsecond. */
export const seconds = (time: TimeStamp): number => time.secondsPastEpoch + time.nanoseconds * 1e-9

/** The member at a path below a structure, as a slot holds it: 64-bit integers as numbers while exact. */
export function field(value: unknown, ...path: readonly string[]): unknown {
  if (!isStructure(value)) return undefined
  let node = nodeOf(value)
  for (const name of path) {
    const child = node.child(name)
    if (child === undefined) return undefined
    node = child
  }
  return node.codec === null ? new node.View(slotsOf(value)) : slotsOf(value)[node.bit]
}

const number = (value: unknown): number => (value === undefined ? 0 : Number(value))
const text = (value: unknown): string => (typeof value === "string" ? value : "")

/** The `alarm` of a value; null when it has none. */
export function readAlarm(value: unknown): Alarm | null {
  const severity = field(value, "alarm", "severity")
  if (severity === undefined) return null
  return {
    severity: number(severity),
    status: number(field(value, "alarm", "status")),
    message: text(field(value, "alarm", "message")),
  }
}

/** The `timeStamp` of a value, or another member of that kind; null when it has none. */
export function readTimeStamp(value: unknown, name = "timeStamp"): TimeStamp | null {
  const secondsPastEpoch = field(value, name, "secondsPastEpoch")
  if (secondsPastEpoch === undefined) return null
  return {
    secondsPastEpoch: number(secondsPastEpoch),
    nanoseconds: number(field(value, name, "nanoseconds")),
    userTag: number(field(value, name, "userTag")),
  }
}

/** What `display` says of a value. Members that a server leaves out are absent. */
export interface Display {
  readonly description: string
  readonly units: string
  readonly limitLow?: number
  readonly limitHigh?: number
  readonly precision?: number
}

/** The `display` of a value; null when it has none. */
export function readDisplay(value: unknown): Display | null {
  if (field(value, "display") === undefined) return null
  const optional = (name: "limitLow" | "limitHigh" | "precision"): Partial<Display> => {
    const found = field(value, "display", name)
    return found === undefined ? {} : { [name]: number(found) }
  }
  return {
    description: text(field(value, "display", "description")),
    units: text(field(value, "display", "units")),
    ...optional("limitLow"),
    ...optional("limitHigh"),
    ...optional("precision"),
  }
}

/** The id of a structure without its version: `epics:nt/NTScalar` for `epics:nt/NTScalar:1.0`. */
export function normativeName(value: unknown): string {
  const type = isStructure(value) ? nodeOf(value).type : undefined
  return type?.kind === "structure" ? type.id.replace(/:\d+(\.\d+)*$/, "") : ""
}
