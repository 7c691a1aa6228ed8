import { conditionText, severityText } from "./alarm.ts"

/** A typed array as a native array type gives it: char, short, long, enum, float, double. */
export type DbrNumberArray = Uint8Array | Int16Array | Int32Array | Uint16Array | Float32Array | Float64Array

/** A value as it comes out of a payload. Enums are numbers; their texts are in the metadata. */
export type DbrValue = number | string | DbrNumberArray | string[]

/** Limits, units, precision and state texts: what GR and CTRL types carry, each field as far as the type has it. */
export interface DbrMetadata {
  /** Engineering units, at most 8 bytes. */
  units?: string
  /** Digits after the decimal point to show; floating-point types only. */
  precision?: number
  upperDisplayLimit?: number
  lowerDisplayLimit?: number
  upperAlarmLimit?: number
  upperWarningLimit?: number
  lowerWarningLimit?: number
  lowerAlarmLimit?: number
  /** CTRL types only. */
  upperControlLimit?: number
  /** CTRL types only. */
  lowerControlLimit?: number
  /** Texts of an enum's states, at most 16. */
  enumStrings?: string[]
  /** STSACK_STRING only: whether transient alarms must be acknowledged. */
  ackTransient?: number
  /** STSACK_STRING only: highest severity not yet acknowledged. */
  ackSeverity?: number
}

/** One value with all that travelled with it. Arrays belong to whoever received the reading. */
export class DbrReading<V extends DbrValue = DbrValue> {
  /** DBR type it was sent as, 0 to 38. */
  readonly type: number
  readonly value: V
  /** Alarm condition number, 0 is none; 0 for plain types. */
  readonly status: number
  /** Alarm severity, 0 none to 3 invalid; 0 for plain types. */
  readonly severity: number
  /** Whole Unix seconds of the time stamp; 0 when the type carries none. */
  readonly seconds: number
  /** Nanoseconds within the second, 0 to 999999999. */
  readonly nanoseconds: number
  /** GR, CTRL and STSACK types only. */
  readonly metadata: DbrMetadata | undefined

  constructor(
    type: number,
    value: V,
    status: number,
    severity: number,
    seconds: number,
    nanoseconds: number,
    metadata: DbrMetadata | undefined,
  ) {
    this.type = type
    this.value = value
    this.status = status
    this.severity = severity
    this.seconds = seconds
    this.nanoseconds = nanoseconds
    this.metadata = metadata
  }

  /** Time stamp in Unix seconds as one number, about 0.2 µs exact. */
  get timestamp(): number {
    return this.seconds + this.nanoseconds * 1e-9
  }
  get severityText(): string {
    return severityText(this.severity)
  }
  get statusText(): string {
    return conditionText(this.status)
  }
}

/** What is needed to encode a payload: a value of the wire's base type, and as much of the rest as the type asks for. */
export interface DbrSource {
  /** Numbers for numeric and enum types, text for strings; fewer elements than the count are filled with zeros. */
  value: number | string | ArrayLike<number> | ArrayLike<string>
  status?: number
  severity?: number
  /** Whole Unix seconds. Before 1990 becomes 0, "never set". */
  seconds?: number
  nanoseconds?: number
  metadata?: DbrMetadata | undefined
}
