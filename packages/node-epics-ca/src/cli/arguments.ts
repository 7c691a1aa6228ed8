import { type ParseArgsConfig, parseArgs } from "node:util"
import type { CaPresentation } from "../client/options.ts"
import type { Format } from "./format.ts"
import { UsageError } from "./io.ts"

/** Options that more than one command has. The letters are those of caget, caput and camonitor. */
export const shared = {
  timeout: { type: "string", short: "w" },
  count: { type: "string", short: "#" },
  text: { type: "boolean", short: "S" },
  number: { type: "boolean", short: "n" },
  string: { type: "boolean", short: "s" },
  digits: { type: "string", short: "g" },
  terse: { type: "boolean", short: "t" },
  json: { type: "boolean" },
} satisfies ParseArgsConfig["options"]

type Options = NonNullable<ParseArgsConfig["options"]>
type Parsed<O extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: O; allowPositionals: true }>
>

/** Reads a command line; negative numbers are values, not options. Throws UsageError. */
export function read<O extends Options>(args: readonly string[], options: O): Parsed<O> {
  const mask = "\u0001"
  const masked = args.map(arg => (/^-(\.?\d|inf|nan)/i.test(arg) ? mask + arg : arg))
  const unmask = (text: string): string => (text.startsWith(mask) ? text.slice(1) : text)
  try {
    const parsed = parseArgs<{ args: string[]; options: O; allowPositionals: true }>({
      args: masked,
      options,
      allowPositionals: true,
    })
    return { ...parsed, positionals: parsed.positionals.map(unmask) as typeof parsed.positionals }
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

/** A number within the limits, by default none below 0, or a usage error that names the option. */
export function numberOption(
  text: string | undefined,
  name: string,
  fallback: number,
  { least = 0, most = Number.POSITIVE_INFINITY } = {},
): number {
  if (text === undefined) return fallback
  const value = text.trim() === "" ? Number.NaN : Number(text)
  if (value >= least && value <= most) return value
  const to = most === Number.POSITIVE_INFINITY ? "" : ` to ${most}`
  throw new UsageError(`${name} needs a number from ${least}${to}, not "${text}"`)
}

interface Shown {
  count?: string | undefined
  text?: boolean | undefined
  number?: boolean | undefined
  string?: boolean | undefined
  digits?: string | undefined
}

export const formatOf = ({ number = false, text = false, digits }: Shown): Format => ({
  enumAsNumber: number,
  charAsText: text,
  digits: numberOption(digits, "-g", 6, { most: 100 }),
})

export const presentationOf = ({ count, string }: Shown): CaPresentation => ({
  count: numberOption(count, "-#", 0),
  ...(string ? { type: "string" as const } : {}),
})

/** The names of a command, at least one. */
export function namesOf(positionals: readonly string[]): readonly string[] {
  if (positionals.length === 0) throw new UsageError("no PV name given")
  return positionals
}
