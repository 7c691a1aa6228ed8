import { OphydError } from "../errors.ts"
import { formatSeconds } from "../format.ts"
import type { Component } from "./component.ts"

/** One signal that did not connect. */
export interface ConnectFailure {
  readonly component: Component
  /** `ca://IOC:m1.RBV` */
  readonly source: string
  /** How far it came: `searching`, `connecting`, `wrong type`, … */
  readonly state: string
  /** The last address tried. */
  readonly address: string | undefined
  /** What went wrong there, if anything is known: `127.0.0.1:5064 refused the connection (ECONNREFUSED)`. */
  readonly reason: string | undefined
  /** Seconds. */
  readonly elapsed: number
  /** Why it never will; null when time ran out. */
  readonly cause: Error | null
}

/** Some signals did not connect: all of them are in `failures`, and in the message as a tree. */
export class NotConnectedError extends OphydError {
  readonly failures: readonly ConnectFailure[]

  constructor(message: string, failures: readonly ConnectFailure[]) {
    const causes = failures.flatMap(f => (f.cause === null ? [] : [f.cause]))
    super("NOT_CONNECTED", message, causes.length === 0 ? undefined : { cause: causes[0] })
    this.failures = failures
  }
}

/** So many lines are written out: a message is read by people. All failures are in `failures`. */
const listed = 200

/** A device of which nothing connected is told in one line when it has more signals than these. */
const namedOneByOne = 12

/** What one line tells: a failure, and how many others of its device are just like it. */
interface Row extends ConnectFailure {
  readonly others: number
}

/** The error for these failures among all that were `opened`, both in the order of declaration. */
export function notConnected(
  failures: readonly ConnectFailure[],
  opened: readonly Component[],
  elapsed: number,
): NotConnectedError {
  const lines = [
    `${failures.length} of ${opened.length} signals did not connect within ${formatSeconds(elapsed)}:`,
  ]
  const rows = rowsOf(failures, opened)
  let shown: readonly Component[] = []
  for (const row of rows.slice(0, listed)) {
    const above = ancestors(row.component)
    above.forEach((device, depth) => {
      if (shown[depth] !== device) lines.push(indented(depth, device.name || device.constructor.name))
    })
    shown = above
    const more = row.others === 0 ? "" : ` and all ${row.others} others of this device`
    lines.push(indented(above.length, `${row.component.name} ${row.source}${more}: ${whyOf(row)}`))
  }
  const untold = rows.slice(listed).reduce((sum, { others }) => sum + 1 + others, 0)
  if (untold > 0) lines.push(`  and ${untold} more`)
  return new NotConnectedError(lines.join("\n"), failures)
}

/** Device by device; one of which nothing answered is a single row. */
function rowsOf(failures: readonly ConnectFailure[], opened: readonly Component[]): Row[] {
  const sizes = new Map<Component | null, number>()
  for (const { parent } of opened) sizes.set(parent, (sizes.get(parent) ?? 0) + 1)
  const devices = new Map<Component | null, ConnectFailure[]>()
  for (const failure of failures) {
    const { parent } = failure.component
    const known = devices.get(parent)
    if (known === undefined) devices.set(parent, [failure])
    else known.push(failure)
  }
  return [...devices].flatMap(([device, failed]) => {
    const isAll = device !== null && failed.length === sizes.get(device) && failed.length > namedOneByOne
    const [first] = failed
    if (isAll && first !== undefined && failed.every(one => one.cause === null && isLike(one, first)))
      return [{ ...first, others: failed.length - 1 }]
    return failed.map(failure => ({ ...failure, others: 0 }))
  })
}

const isLike = (a: ConnectFailure, b: ConnectFailure): boolean =>
  a.state === b.state && a.address === b.address && a.reason === b.reason

function whyOf({ state, elapsed, address, reason, cause }: ConnectFailure): string {
  const told = address === undefined || reason?.includes(address) === true
  const at = told ? "" : `, last address ${address}`
  const why = [reason, cause?.message].map(text => (text === undefined ? "" : `: ${text}`))
  return `${state} after ${formatSeconds(elapsed)}${at}${why.join("")}`
}

const indented = (depth: number, text: string): string => "  ".repeat(depth + 1) + text

function ancestors(component: Component): Component[] {
  const above: Component[] = []
  for (let at = component.parent; at !== null; at = at.parent) above.unshift(at)
  return above
}
