import type { Device } from "../device/device.ts"
import { OphydError, toError } from "../errors.ts"
import { formatValue, isPlain } from "../format.ts"
import { StatusTimeoutError } from "../status/errors.ts"
import {
  parseSettings,
  readSettings,
  type Setting,
  type Settings,
  type SettingsOptions,
  settable,
  valueFor,
} from "./settings.ts"

/** A value that is not as saved. */
export interface SettingDifference {
  readonly path: string
  readonly saved: unknown
  readonly present: unknown
}

/** A saved value that cannot be set, and why. */
export interface SettingFailure {
  readonly path: string
  readonly saved: unknown
  readonly error: Error
}

export interface SettingsComparison {
  readonly same: readonly string[]
  readonly different: readonly SettingDifference[]
  /** Saved, but of the wrong type, or not a signal of this device that can be set. */
  readonly impossible: readonly SettingFailure[]
  /** Can be set and was not saved. */
  readonly unsaved: readonly string[]
}

export interface RestoreOptions extends SettingsOptions {
  /** Seconds that each write may take; default 60. */
  timeout?: number | undefined
  /** Aborting it ends the restore before the next write; what was written stays. */
  signal?: AbortSignal | undefined
  /** Paths to write first, in this order, when the usual one does not suit. */
  first?: readonly string[] | undefined
}

export interface RestoreReport {
  /** Written, in this order. */
  readonly restored: readonly SettingDifference[]
  /** Not as saved now: refused, timed out, of the wrong type, unknown, or changed again by what came after. */
  readonly failed: readonly SettingFailure[]
  readonly unsaved: readonly string[]
}

/** A value was written, and something else changed it afterwards. */
export class NotKeptError extends OphydError {
  constructor(path: string, saved: unknown, present: unknown) {
    super("NOT_KEPT", `${path}: was set to ${formatValue(saved)} and is ${formatValue(present)} now`)
  }
}

/** Compares what was saved with what is set now. Nothing is written. */
export async function compareSettings(
  device: Device,
  saved: string | Settings,
  options: SettingsOptions = {},
): Promise<SettingsComparison> {
  const known = new Map(settable(device).map(setting => [setting.path, setting]))
  const selected = new Map(settable(device, options).map(setting => [setting.path, setting]))
  const present = await readSettings(device, options)
  const same: string[] = []
  const different: SettingDifference[] = []
  const impossible: SettingFailure[] = []
  for (const [path, value] of typeof saved === "string" ? parseSettings(saved) : saved) {
    const setting = selected.get(path)
    if (setting === undefined) {
      if (known.has(path)) continue
      const error = new OphydError(
        "NO_SUCH_SETTING",
        `${path}: ${device.name} has no such signal that can be set`,
      )
      impossible.push({ path, saved: value, error })
      continue
    }
    selected.delete(path)
    try {
      const wanted = valueFor(setting, value)
      const now = present.get(path)
      if (isSame(setting, now, wanted)) same.push(path)
      else different.push({ path, saved: wanted, present: now })
    } catch (thrown) {
      impossible.push({ path, saved: value, error: toError(thrown) })
    }
  }
  return { same, different, impossible, unsaved: [...selected.keys()] }
}

/** Equal; YAML has one zero where numbers have two. */
function isSame({ signal }: Setting, a: unknown, b: unknown): boolean {
  return signal.datatype.equal(positive(a), positive(b))
}

/** The same value without negative zeros. */
function positive(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return (value as Float64Array).map(v => (v === 0 ? 0 : v))
  if (isPlain(value)) return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, positive(v)]))
  return value === 0 ? 0 : value
}

/** What a change may depend on comes first: configuration, then what is in no document, then what is read. */
const order = { config: 0, omitted: 1, normal: 2, hinted: 2 } as const

/**
 * Sets what differs from what was saved, one after the other: configuration first, then signals of kind omitted (limits,
 * switches), then those that are read (set-points that move something), each in the order of declaration. What is
 * refused is tried again after the others, as long as others succeed: a limit may have to move first.
 *
 * Never throws for a signal: `failed` says what is not as saved, and why.
 * @throws SettingsError when the text is no settings file; the reason of `signal` when it is aborted.
 */
export async function restoreSettings(
  device: Device,
  saved: string | Settings,
  options: RestoreOptions = {},
): Promise<RestoreReport> {
  const { timeout = 60, first = [], signal: abort } = options
  const { different, impossible, unsaved } = await compareSettings(device, saved, options)
  const settings = new Map(
    settable(device, options).map((setting, i) => [setting.path, { ...setting, at: i }]),
  )
  const rank = (path: string): readonly number[] => {
    const { signal, at } = settings.get(path) as Setting & { at: number }
    const early = first.indexOf(path)
    return early >= 0 ? [-1, early] : [order[signal.kind], at]
  }
  const ranks = new Map(different.map(({ path }) => [path, rank(path)] as const))
  let left = [...different].sort((a, b) => compareRanks(ranks.get(a.path), ranks.get(b.path)))

  const restored: SettingDifference[] = []
  const failures = new Map<string, SettingFailure>()
  for (let progress = true; progress && left.length > 0; ) {
    progress = false
    const again: SettingDifference[] = []
    for (const difference of left) {
      abort?.throwIfAborted()
      const { path, saved } = difference
      try {
        const signal = settings.get(path)?.signal
        await signal?.set(saved, { timeout, signal: abort })
        failures.delete(path)
        restored.push(difference)
        progress = true
      } catch (thrown) {
        const error = toError(thrown)
        failures.set(path, { path, saved, error })
        // Whether a write that timed out has happened is not known; it is not repeated.
        if (!(error instanceof StatusTimeoutError)) again.push(difference)
      }
    }
    left = again
  }
  abort?.throwIfAborted()

  const after = await compareSettings(device, new Map(restored.map(r => [r.path, r.saved])), options)
  for (const { path, saved, present } of after.different)
    failures.set(path, { path, saved, error: new NotKeptError(path, saved, present) })
  return { restored, failed: [...impossible, ...failures.values()], unsaved }
}

function compareRanks(a: readonly number[] = [], b: readonly number[] = []): number {
  return (a[0] ?? 0) - (b[0] ?? 0) || (a[1] ?? 0) - (b[1] ?? 0)
}
