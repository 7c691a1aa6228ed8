import { Document, parse, visit, type YAMLMap, YAMLParseError, type YAMLSeq } from "yaml"
import type { Device } from "../device/device.ts"
import { DeviceErrors } from "../device/stage-signals.ts"
import { OphydError, toError } from "../errors.ts"
import { isPlain } from "../format.ts"
import { SignalRW } from "../signal/writable.ts"

/** Set values by their path of fields: `cam.gain`. */
export type Settings = ReadonlyMap<string, unknown>

/** The text is no settings file. The message says where and why. */
export class SettingsError extends OphydError {
  constructor(message: string, options?: ErrorOptions) {
    super("BAD_SETTINGS", message, options)
  }
}

export interface SettingsOptions {
  /** Which of the signals that can be set; default all. */
  select?: ((path: string, signal: SignalRW<unknown>) => boolean) | undefined
}

/** One value that a device can be set to. */
export interface Setting {
  readonly path: string
  readonly signal: SignalRW<unknown>
}

/**
 * What can be set, in the order of declaration: readable and writable signals that the server lets us write. Derived
 * signals are left out, they follow from the others.
 */
export function settable(device: Device, { select = () => true }: SettingsOptions = {}): Setting[] {
  const found: Setting[] = []
  for (const { path, component } of device.walk()) {
    if (!(component instanceof SignalRW) || component.backend.keepsInMock === true) continue
    if (component.metadata.writable !== false && select(path, component))
      found.push({ path, signal: component })
  }
  return found
}

/** The setpoints of all these signals, asked for together; throws one error that names all that could not be read. */
export async function readSettings(device: Device, options: SettingsOptions = {}): Promise<Settings> {
  const all = settable(device, options)
  const results = await Promise.allSettled(all.map(async ({ signal }) => (await signal.locate()).setpoint))
  const errors = results.flatMap(r => (r.status === "rejected" ? [toError(r.reason)] : []))
  if (errors.length > 0) throw new DeviceErrors(device.name, "read settings", errors)
  return new Map(
    all.map(({ path }, i) => [path, (results[i] as PromiseFulfilledResult<unknown>).value] as const),
  )
}

/**
 * All values that a device can be set to, as YAML: one line per signal, `cam.gain: 2`. Put it into a file, look at it,
 * change it by hand; `restoreSettings` takes it back.
 *
 * Numbers are written with all their digits, arrays as lists.
 */
export async function saveSettings(device: Device, options: SettingsOptions = {}): Promise<string> {
  return formatSettings(await readSettings(device, options))
}

export function formatSettings(settings: Settings): string {
  const document = new Document(new Map([...settings].map(([path, value]) => [path, plain(value)])))
  // One line per setting, however long: files are compared line by line.
  const inOneLine = (_: unknown, node: YAMLMap | YAMLSeq) => {
    node.flow = true
  }
  visit(document, {
    Map: (key, map) => (key === null ? undefined : inOneLine(key, map)),
    Seq: inOneLine,
  })
  return document.toString({ lineWidth: 0, flowCollectionPadding: false })
}

/** YAML knows no typed arrays. */
function plain(value: unknown): unknown {
  if (isPlain(value)) return new Map(Object.entries(value).map(([column, values]) => [column, plain(values)]))
  return ArrayBuffer.isView(value) ? Array.from(value as unknown as ArrayLike<unknown>) : value
}

/**
 * Reads what `saveSettings` wrote. Values are checked when they meet a device.
 * @throws SettingsError when it is not YAML, or no mapping of paths to values.
 */
export function parseSettings(text: string): Settings {
  let found: unknown
  try {
    // Whole numbers come as bigint, so that 64-bit ones stay exact.
    found = parse(text, { mapAsMap: true, intAsBigInt: true })
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error
    throw new SettingsError(`settings: not YAML: ${error.message.split("\n")[0]}`, { cause: error })
  }
  if (found === null) return new Map()
  if (!(found instanceof Map)) throw new SettingsError("settings: expected lines of `path: value`")
  for (const [path, value] of found) {
    if (typeof path !== "string") throw new SettingsError(`settings: ${String(path)} is no path of fields`)
    const columns = value instanceof Map ? [...value.values()] : null
    if (value === null || columns?.some(column => !Array.isArray(column)))
      throw new SettingsError(
        `settings: ${path} has no value; lists, tables of lists, numbers, texts and true or false are values`,
      )
  }
  return found as Settings
}

/** A value from a file as its signal's type; throws `ValueError` when it cannot be. */
export function valueFor({ signal, path }: Setting, value: unknown): unknown {
  const { datatype, metadata } = signal
  return datatype.check(numbersLike(datatype.initial, value), path, metadata)
}

/** Whole numbers, which come as bigint, as those of a sample are. */
function numbersLike(sample: unknown, value: unknown): unknown {
  if (value instanceof Map) {
    const columns = isPlain(sample) ? sample : {}
    return Object.fromEntries([...value].map(([name, list]) => [name, numbersLike(columns[name], list)]))
  }
  if (Array.isArray(value)) return value.map(element => numbersLike(sample, element))
  const exact =
    typeof sample === "bigint" || sample instanceof BigInt64Array || sample instanceof BigUint64Array
  return typeof value === "bigint" && !exact ? Number(value) : value
}
