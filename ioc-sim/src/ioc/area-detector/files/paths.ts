/** Names and directories of files, by the rules of areaDetector's file plugins. */
import { accessSync, constants, statSync } from "node:fs"
import { sep } from "node:path"
import { makeFolder } from "@ophyd-ts/run-engine/node"

/** A directory's path with the separator that ends it, as the plugins show it. */
export const withSeparator = (path: string): string =>
  path === "" || path.endsWith("/") || path.endsWith(sep) ? path : `${path}/`

export function isDirectory(path: string): boolean {
  try {
    return path !== "" && statSync(path).isDirectory()
  } catch {
    return false
  }
}

/** Whether the system lets this process write there. */
export function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/**
 * Makes a directory. With a negative depth so many levels may be made, with a positive one the first so many have to
 * exist, with 0 none is made. False when it does not exist afterwards.
 */
export function createDirectory(path: string, depth: number): boolean {
  if (isDirectory(path)) return true
  if (depth === 0) return false
  const parts = path.split(sep === "/" ? "/" : /[\\/]/).filter(part => part !== "")
  const root = path.startsWith("/") ? "/" : ""
  const upTo = (count: number): string => root + parts.slice(0, count).join("/")
  let existing = 0
  while (existing < parts.length && isDirectory(upTo(existing + 1))) existing++
  const allowed = depth < 0 ? parts.length - existing <= -depth : existing >= depth
  if (!allowed) return false
  try {
    makeFolder(path)
  } catch {
    return false
  }
  return isDirectory(path)
}

const conversion = /%(?<flags>[-+ 0#]*)(?<width>\d+)?(?:\.(?<precision>\d+))?(?<type>[sdiuxX%])/g

/**
 * The name that a template in the manner of printf makes of path, name and number: `%s%s_%6.6d.h5`. Arguments that the
 * template does not use are left out, as printf does.
 */
export function fileName(template: string, path: string, name: string, number: number): string {
  const values: (string | number)[] = [path, name, number]
  let next = 0
  return template.replace(conversion, (...args) => {
    const groups = args.at(-1) as { flags: string; width?: string; precision?: string; type: string }
    if (groups.type === "%") return "%"
    return pad(format(values[next++] ?? "", groups), groups)
  })
}

interface Conversion {
  readonly flags: string
  readonly width?: string
  readonly precision?: string
  readonly type: string
}

function format(value: string | number, { type, precision, flags }: Conversion): string {
  if (type === "s") return precision === undefined ? String(value) : String(value).slice(0, Number(precision))
  const number = Math.trunc(Number(value) || 0)
  const hexadecimal = type.toLowerCase() === "x"
  const digits = Math.abs(number).toString(hexadecimal ? 16 : 10)
  const padded = (type === "X" ? digits.toUpperCase() : digits).padStart(Number(precision ?? 0), "0")
  return (number < 0 ? "-" : flags.includes("+") ? "+" : "") + padded
}

function pad(text: string, { flags, width, precision, type }: Conversion): string {
  const length = Number(width ?? 0)
  if (flags.includes("-")) return text.padEnd(length)
  const zeros = flags.includes("0") && precision === undefined && type !== "s"
  return text.padStart(length, zeros ? "0" : " ")
}
