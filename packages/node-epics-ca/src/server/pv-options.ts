import type { DbrNumberArray } from "../wire/dbr-value.ts"

/** Native types that Channel Access knows, by the names people use for them. */
export type PvType = "string" | "short" | "float" | "enum" | "char" | "long" | "double"

/** What may be served: a scalar or an array. An enum may be given as the number or the text of a state. */
export type PvInput = number | string | ArrayLike<number> | readonly string[]

interface ArrayTypes {
  string: string[]
  short: Int16Array
  float: Float32Array
  enum: Uint16Array
  char: Uint8Array
  long: Int32Array
  double: Float64Array
}

/** Any value as the server hands it out. */
export type ServedValue = number | string | DbrNumberArray | string[]

/** What a PV of type `T` that was given a `V` hands out: number or string for a scalar, else typed array or strings. */
export type PvValue<T extends PvType, V extends PvInput> = [PvInput] extends [V]
  ? ServedValue
  : [V] extends [number | string]
    ? T extends "string"
      ? string
      : number
    : ArrayTypes[T]

/** Whose request it is, as far as Channel Access tells. User and host are claims that nobody verifies. */
export interface ServerClient {
  readonly user: string
  readonly host: string
  /** IP address and port of the other end of the circuit. */
  readonly address: string
}

/** What accompanies a put. */
export interface PutContext extends ServerClient {
  /** True when the client waits for completion. */
  readonly notify: boolean
  /** Fires when nobody waits for the completion any longer: the client went away, or the server or PV was closed. */
  readonly signal: AbortSignal
}

/** What a client may do with a PV. */
export type PvAccess = "read-write" | "read" | "write" | "none"

/** `[low, high]` pairs; each is optional. Alarm limits that are absent read as NaN, the others as 0. */
export interface PvLimits {
  readonly display?: readonly [low: number, high: number]
  readonly control?: readonly [low: number, high: number]
  readonly warning?: readonly [low: number, high: number]
  readonly alarm?: readonly [low: number, high: number]
}

/** What the GR and CTRL types tell a client. */
export interface PvMetadata {
  /** At most 7 bytes travel. */
  readonly units?: string
  /** Digits after the point for people to see; also used when a number is read as text. */
  readonly precision?: number
  readonly limits?: PvLimits
  /** Texts of an enum's states: at most 16, of at most 25 bytes each. */
  readonly enumStrings?: readonly string[]
}

/** When and how sure. */
export interface PostOptions {
  /** Unix seconds, or seconds and nanoseconds where every nanosecond counts. Default: now. */
  readonly timestamp?: number | { readonly seconds: number; readonly nanoseconds: number }
  /** 0 none, 1 minor, 2 major, 3 invalid. Default: as before. */
  readonly severity?: number
  /** Alarm condition, 0 to 21. Default: as before, or 0 together with a severity of 0. */
  readonly status?: number
}

/** How a PV is served. Only `type` and `value` are needed. */
export interface ServerPvOptions<T extends PvType, V extends PvInput> extends PvMetadata, PostOptions {
  readonly type: T
  /** First value. An array makes the PV an array. */
  readonly value: V
  /** Largest number of elements; default: the length of the first value, 1 for a scalar. */
  readonly maxCount?: number
  /** Bytes of a string that `NAME.FIELD$` presents as characters, terminator included. Default 40. */
  readonly maxLength?: number
  /** Default "read-write". A function is asked once per channel and again after every change of rights. */
  readonly access?: PvAccess | ((client: ServerClient) => PvAccess)
  /**
   * Smallest change that makes a VALUE or a LOG event (a record's MDEL and ADEL): numbers only. 0 tells every change,
   * a negative number, the default, every post.
   */
  readonly deadband?: { readonly value?: number; readonly log?: number }
  /** Record type that clients see (DBR_CLASS_NAME). Default: what a record of this native type is called. */
  readonly recordType?: string
  /**
   * Looks at a value that a client wrote, before anything changes: throws to refuse it, may return another one to be
   * used instead.
   */
  readonly check?: (value: PvValue<T, V>, context: PutContext) => PvInput | undefined
  /**
   * Carries out a put. When it returns, the written value is posted, unless it posted one itself, and the client's put
   * completes when the returned promise settles. Throwing at once refuses the value; a rejection reports that the
   * put failed, with the value already posted. Without this function a put just posts the value.
   */
  readonly onPut?: (value: PvValue<T, V>, context: PutContext) => void | Promise<void>
  /**
   * Whether a put posts the written value when `onPut` has posted none by the time it returns. Default true; false for a
   * handler that posts by itself, perhaps later.
   */
  readonly postPuts?: boolean
}
