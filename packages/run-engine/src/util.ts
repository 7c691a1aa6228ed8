import type { Status } from "@ophyd-ts/core"

export const isThenable = (x: unknown): x is PromiseLike<unknown> =>
  typeof x === "object" && x !== null && typeof (x as { then?: unknown }).then === "function"

/** A status is thenable, but as a message's result it is a value and must not be awaited. */
export const isStatus = (x: unknown): x is Status<unknown> =>
  isThenable(x) && "done" in x && typeof (x as { onDone?: unknown }).onDone === "function"

/** `fn` of the value, at once where it is there, later where it is a promise: no promise is made without need. */
export function andThen<T, U>(
  value: T | PromiseLike<T>,
  fn: (value: T) => U | PromiseLike<U>,
): U | Promise<U> {
  if (isThenable(value)) return Promise.resolve(value as PromiseLike<T>).then(fn)
  const next = fn(value as T)
  return isThenable(next) ? Promise.resolve(next as PromiseLike<U>) : (next as U)
}

/** All values, as an array at once when none is a promise. */
export function allOf<T>(values: (T | PromiseLike<T>)[]): T[] | Promise<T[]> {
  return values.some(isThenable) ? Promise.all(values) : (values as T[])
}

/** A version 4 UUID, also where pages are served without TLS and `randomUUID` is missing. */
export function uuid4(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID()
  const b = crypto.getRandomValues(new Uint8Array(16))
  b[6] = (b[6]! & 0x0f) | 0x40
  b[8] = (b[8]! & 0x3f) | 0x80
  const hex = Array.from(b, x => x.toString(16).padStart(2, "0")).join("")
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** Printable form of an argument for metadata: devices become their names. */
export function nameOf(obj: unknown): string {
  const name = (obj as { name?: unknown } | null)?.name
  return typeof name === "string" ? name : String(obj)
}
