import { NetConfigError } from "./errors.ts"

/** Variables by name, like process.env. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Text of a variable; undefined when it is absent or blank. */
export function envText(env: Environment, name: string): string | undefined {
  const text = env[name]?.trim()
  return text === undefined || text === "" ? undefined : text
}

/** YES or NO, in any case. Throws {@link NetConfigError} for anything else. */
export function envFlag(env: Environment, name: string): boolean | undefined {
  const text = envText(env, name)
  if (text === undefined) return undefined
  if (/^y(es)?$/i.test(text)) return true
  if (/^no?$/i.test(text)) return false
  throw new NetConfigError("BAD_SETTING", `${name}: "${text}" is neither YES nor NO`)
}

/** A number within limits. Throws {@link NetConfigError} for anything else. */
export function envNumber(
  env: Environment,
  name: string,
  limits: { min?: number; max?: number } = {},
): number | undefined {
  const text = envText(env, name)
  if (text === undefined) return undefined
  const value = Number(text)
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = limits
  if (!(value >= min && value <= max)) {
    throw new NetConfigError("BAD_SETTING", `${name}: "${text}" is no number from ${min} to ${max}`)
  }
  return value
}

/** A UDP or TCP port. Throws {@link NetConfigError} for anything else. */
export function envPort(env: Environment, name: string): number | undefined {
  const port = envNumber(env, name, { min: 1, max: 65535 })
  if (port === undefined || Number.isInteger(port)) return port
  throw new NetConfigError(
    "BAD_SETTING",
    `${name}: "${env[name]?.trim()}" is no port: a whole number from 1 to 65535`,
  )
}
