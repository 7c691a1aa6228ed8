import { OphydError } from "../errors.ts"
import { formatValue, isPlain } from "../format.ts"
import type { Configurable, Readable } from "../protocols.ts"
import type { DataKey, Readings } from "../reading.ts"
import type { SignalR } from "../signal/readable.ts"

/** An assertion of this module does not hold. */
export class AssertionError extends OphydError {
  constructor(message: string) {
    super("ASSERTION_FAILED", message)
  }
}

/** Fails unless the readings have exactly these keys, in this order, with these values. */
export async function assertReading(readable: Readable, expected: Record<string, unknown>): Promise<void> {
  compare(readable.name, "reading", await readable.read(), expected)
}

/** Fails unless the configuration has exactly these keys, in this order, with these values. */
export async function assertConfiguration(
  device: Configurable,
  expected: Record<string, unknown>,
): Promise<void> {
  compare(device.name, "configuration", await device.readConfiguration(), expected)
}

/**
 * Fails unless the data keys have exactly these names, in this order, and each what is expected of it:
 * `{ det_counts: { dtype: "number", units: "counts" } }`. What else a data key says does not matter.
 */
export async function assertDescription(
  readable: Readable,
  expected: Record<string, Partial<DataKey>>,
): Promise<void> {
  const actual = await readable.describe()
  compareKeys(readable.name, "description", Object.keys(actual), Object.keys(expected))
  const wrong = Object.entries(expected).flatMap(([key, wanted]) =>
    Object.entries(wanted).flatMap(([member, value]) => {
      const found = actual[key]?.[member as keyof DataKey]
      return same(found, value)
        ? []
        : [`${member} of ${key} is ${formatValue(found)}, not ${formatValue(value)}`]
    }),
  )
  if (wrong.length > 0)
    throw new AssertionError(`${readable.name}: the description differs: ${wrong.join("; ")}`)
}

/** Fails unless the signal has this value now. */
export async function assertValue<T>(signal: SignalR<T>, expected: NoInfer<T>): Promise<void> {
  const value = await signal.get()
  if (!same(value, expected)) {
    throw new AssertionError(`${signal.name} is ${formatValue(value)}, not ${formatValue(expected)}`)
  }
}

export interface EventuallyOptions {
  /** Seconds; default 5. */
  timeout?: number
  /** What is waited for, for the message. */
  what?: string
}

/** Waits until a condition holds, looking every few milliseconds; what it throws counts as "not yet". */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  { timeout = 5, what = "the condition" }: EventuallyOptions = {},
): Promise<void> {
  const end = performance.now() + timeout * 1000
  let why = ""
  for (;;) {
    try {
      if (await condition()) return
    } catch (thrown) {
      why = `: ${thrown instanceof Error ? thrown.message : thrown}`
    }
    if (performance.now() >= end) throw new AssertionError(`${what} did not hold within ${timeout} s${why}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

function compare(name: string, what: string, actual: Readings, expected: Record<string, unknown>): void {
  const keys = Object.keys(actual)
  compareKeys(name, what, keys, Object.keys(expected))
  const wrong = keys.filter(key => !same(actual[key]?.value, expected[key]))
  if (wrong.length === 0) return
  const list = wrong.map(
    key => `${key} is ${formatValue(actual[key]?.value)}, not ${formatValue(expected[key])}`,
  )
  throw new AssertionError(`${name}: the ${what} differs: ${list.join("; ")}`)
}

function compareKeys(name: string, what: string, keys: string[], wanted: string[]): void {
  if (keys.join() === wanted.join()) return
  throw new AssertionError(`${name}: the ${what} has the keys ${keys.join(", ")}, not ${wanted.join(", ")}`)
}

function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (isPlain(a) && isPlain(b)) {
    const keys = Object.keys(a)
    return keys.length === Object.keys(b).length && keys.every(key => same(a[key], b[key]))
  }
  const isList = (v: unknown): v is ArrayLike<unknown> => Array.isArray(v) || ArrayBuffer.isView(v)
  if (!isList(a) || !isList(b) || a.constructor !== b.constructor || a.length !== b.length) return false
  return Array.from(a).every((element, i) => Object.is(element, b[i]))
}
