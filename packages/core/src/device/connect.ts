import { type Clock, systemClock } from "../clock.ts"
import { OphydError, toError } from "../errors.ts"
import { formatSeconds } from "../format.ts"
import type { ConnectionState } from "../signal/backend.ts"
import { Component } from "./component.ts"

export interface ConnectOptions {
  /** Seconds for all of it together; default 10. */
  timeout?: number | undefined
  /** No I/O: every signal gets a value in memory that records writes. */
  mock?: boolean | undefined
  signal?: AbortSignal | undefined
  clock?: Clock | undefined
}

/** One signal that did not connect. */
export interface ConnectFailure {
  readonly component: Component
  /** `ca://IOC:m1.RBV` */
  readonly source: string
  /** How far it came: `searching`, `connecting`, `wrong type`, … */
  readonly state: string
  /** The last address tried. */
  readonly address: string | undefined
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

/** A component that has something of its own to connect. */
interface Connectable extends Component {
  readonly source: string
  readonly connection: ConnectionState
  open(options: { mock: boolean }): Promise<void> | void
}

/**
 * Connects all signals of these devices at the same time, within one deadline. Verifies declared types and labels. If
 * any fail, one `NotConnectedError` names them all; those that did connect stay connected.
 */
export async function connect(
  ...args: readonly [...(readonly Component[]), ConnectOptions] | readonly Component[]
): Promise<void> {
  const roots: Component[] = []
  let options: ConnectOptions = {}
  for (const arg of args) {
    if (arg instanceof Component) roots.push(arg)
    else options = arg
  }
  const { timeout = 10, mock = false, clock = systemClock, signal } = options
  const started = clock.now()

  const open: Connectable[] = []
  for (const root of roots) {
    if (isConnectable(root)) open.push(root)
    for (const { component } of root.walk()) if (isConnectable(component)) open.push(component)
  }

  const failures: ConnectFailure[] = []
  const pending = new Set<Connectable>()
  const fail = (component: Connectable, cause: Error | null) => {
    const { connection, source } = component
    failures.push({
      component,
      source: connection.source ?? source,
      state: connection.state,
      address: connection.address,
      elapsed: clock.now() - started,
      cause,
    })
  }

  await new Promise<void>((resolve, reject) => {
    const leave = () => {
      stopTimer()
      signal?.removeEventListener("abort", abort)
    }
    const abort = () => {
      leave()
      reject(toError(signal?.reason))
    }
    const stopTimer = clock.after(timeout, () => {
      for (const component of pending) if (component.connection.optional !== true) fail(component, null)
      pending.clear()
      leave()
      resolve()
    })
    const ended = (component: Connectable, cause: Error | null) => {
      if (!pending.delete(component)) return
      if (cause !== null) fail(component, cause)
      if (pending.size > 0) return
      leave()
      resolve()
    }
    if (signal?.aborted) return abort()
    signal?.addEventListener("abort", abort)
    const waits: [Connectable, Promise<void>][] = []
    for (const component of open) {
      try {
        const opening = component.open({ mock })
        if (opening === undefined) continue
        pending.add(component)
        waits.push([component, opening])
      } catch (thrown) {
        fail(component, toError(thrown))
      }
    }
    for (const [component, opening] of waits) {
      opening.then(
        () => ended(component, null),
        thrown => ended(component, toError(thrown)),
      )
    }
    if (waits.length === 0) {
      leave()
      resolve()
    }
  })

  if (failures.length === 0) return
  // In the order of declaration, not in that of failing.
  const order = new Map(open.map((component, i) => [component as Component, i]))
  failures.sort((a, b) => (order.get(a.component) ?? 0) - (order.get(b.component) ?? 0))
  throw new NotConnectedError(describe(failures, open, clock.now() - started), failures)
}

const isConnectable = (component: Component): component is Connectable => "open" in component

/** So many lines are written out: a message is read by people. All failures are in `failures`. */
const listed = 200

/** A device of which nothing connected is told in one line when it has more signals than these. */
const namedOneByOne = 12

/** The failures below the names of their devices, indented like the device tree. */
function describe(
  failures: readonly ConnectFailure[],
  opened: readonly Component[],
  elapsed: number,
): string {
  const lines = [
    `${failures.length} of ${opened.length} signals did not connect within ${formatSeconds(elapsed)}:`,
  ]
  const sizes = new Map<Component, number>()
  for (const { parent } of opened) if (parent !== null) sizes.set(parent, (sizes.get(parent) ?? 0) + 1)
  let shown: Component[] = []
  let said = 0
  for (let rows = 0; said < failures.length && rows < listed; rows++) {
    const first = failures[said] as ConnectFailure
    const { parent } = first.component
    const size = (parent === null ? undefined : sizes.get(parent)) ?? 1
    const alike = size > namedOneByOne && failedAlike(failures, said, size) ? size : 1
    const above = ancestors(first.component)
    above.forEach((device, depth) => {
      if (shown[depth] !== device)
        lines.push(`${"  ".repeat(depth + 1)}${device.name || device.constructor.name}`)
    })
    shown = above
    const more = alike === 1 ? "" : ` and all ${alike - 1} others of this device`
    lines.push(
      `${"  ".repeat(above.length + 1)}${first.component.name} ${first.source}${more}: ${whyOf(first)}`,
    )
    said += alike
  }
  if (said < failures.length) lines.push(`  and ${failures.length - said} more`)
  return lines.join("\n")
}

/** So many failures, from this one on, are of one device, for which time ran out in the same way. */
function failedAlike(failures: readonly ConnectFailure[], from: number, count: number): boolean {
  const these = failures.slice(from, from + count)
  const first = failures[from] as ConnectFailure
  const why = whyOf(first)
  return (
    these.length === count &&
    these.every(
      failure =>
        failure.cause === null &&
        failure.component.parent === first.component.parent &&
        whyOf(failure) === why,
    )
  )
}

function whyOf({ state, elapsed, address, cause }: ConnectFailure): string {
  const at = address === undefined ? "" : `, last address ${address}`
  const why = cause === null ? "" : `: ${cause.message}`
  return `${state} after ${formatSeconds(elapsed)}${at}${why}`
}

function ancestors(component: Component): Component[] {
  const above: Component[] = []
  for (let at = component.parent; at !== null; at = at.parent) above.unshift(at)
  return above
}
