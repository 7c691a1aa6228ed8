import { DmRefusal } from "./errors.ts"

/** A JSON object as it goes over the wire. */
export type Doc = Record<string, unknown>

export const isDoc = (value: unknown): value is Doc =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** A text that must be there. @throws DmRefusal InvalidArgument */
export function textIn(doc: Readonly<Doc>, key: string, where: string): string {
  const value = doc[key]
  if (typeof value !== "string" || value === "") {
    throw new DmRefusal("InvalidArgument", `${where}: "${key}" must be a text that is not empty`)
  }
  return value
}

/** A text that may be missing. @throws DmRefusal InvalidArgument when it is something else. */
export function optionalTextIn(doc: Readonly<Doc>, key: string, where: string): string | undefined {
  const value = doc[key]
  return value === undefined || value === null || value === "" ? undefined : textIn(doc, key, where)
}

/** True for `true`, `1`, and the texts that Python programs send for them. */
export function flagIn(doc: Readonly<Doc>, key: string): boolean {
  const value = doc[key]
  return value === true || value === 1 || (typeof value === "string" && /^(true|1|yes)$/i.test(value))
}

/** A number, or its text. @throws DmRefusal InvalidArgument when it is neither or negative. */
export function countIn(doc: Readonly<Doc>, key: string, fallback: number, where: string): number {
  const value = doc[key]
  if (value === undefined || value === null || value === "") return fallback
  const number = typeof value === "string" ? Number(value) : value
  if (typeof number !== "number" || !(number >= 0)) {
    throw new DmRefusal("InvalidArgument", `${where}: "${key}" must be a number that is not negative`)
  }
  return number
}

/** The members that have the queried values; `{}` fits everything. */
export function fitsQuery(doc: Readonly<Doc>, query: unknown): boolean {
  if (!isDoc(query)) return true
  return Object.entries(query).every(([key, value]) => JSON.stringify(doc[key]) === JSON.stringify(value))
}

/** A peer may make only so many of a kind. @throws DmRefusal ServiceLimitExceeded */
export function checkRoom(count: number, limit: number, what: string): void {
  if (count >= limit) throw new DmRefusal("ServiceLimitExceeded", `there are ${limit} ${what} already`)
}

/** A page of a list, with DM's `skip` and `limit`. */
export function page<T>(list: readonly T[], args: Readonly<Doc>, defaultLimit: number, where: string): T[] {
  const skip = countIn(args, "skip", 0, where)
  return list.slice(skip, skip + countIn(args, "limit", defaultLimit, where))
}
