/** One value at one time: what `read` gives per key (event-model: an event's data and timestamps). */
export interface Reading<T = unknown> {
  value: T
  /** Seconds since 1970-01-01 UTC, from the server where there is one. */
  timestamp: number
  /** 0 none, 1 minor, 2 major, 3 invalid, -1 unknown. */
  alarm_severity?: number
  /** Alarm text, when there is one. */
  message?: string
}

/** Readings by document key, in declaration order. */
export type Readings = Record<string, Reading>

/** A low and a high bound; null where the server states none. */
export interface LimitRange {
  low: number | null
  high: number | null
}

/** Limits as event-model groups them. */
export interface Limits {
  control?: LimitRange
  display?: LimitRange
  warning?: LimitRange
  alarm?: LimitRange
  hysteresis?: number
  rds?: { time_difference: number; value_difference: number }
}

export type Dtype = "string" | "number" | "array" | "boolean" | "integer"

/** What `describe` gives per key (event-model: a descriptor's data key). */
export interface DataKey {
  /** Where the value comes from, e.g. `ca://IOC:m1.RBV`, `soft://motor`. */
  source: string
  dtype: Dtype
  /** Lengths of the axes, slowest first; `[]` for a scalar; null where unknown. */
  shape: (number | null)[]
  /** Array-protocol type string, such as `<f8`, `|u1`; for tables a list of [column, type]. */
  dtype_numpy?: string | [string, string][]
  units?: string | null
  precision?: number | null
  limits?: Limits
  /** Labels of a choice, by index. */
  choices?: string[]
  /** `STREAM:` for data that another program writes (stream_resource, stream_datum). */
  external?: string
  /** The device the key belongs to; filled in by the engine. */
  object_name?: string
  /** Names of the axes. */
  dims?: string[]
}

/** Data keys by document key, in declaration order. */
export type DataKeys = Record<string, DataKey>

/** How a member takes part in its device's documents. */
export type Kind = "omitted" | "normal" | "config" | "hinted"

/** What viewers should show first. */
export interface Hints {
  fields?: string[]
  dimensions?: [string[], string][]
  gridding?: "rectilinear" | "rectilinear_nonsequential"
}
