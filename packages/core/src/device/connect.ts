import { type Clock, systemClock } from "../clock.ts"
import { toError } from "../errors.ts"
import type { ConnectionState } from "../signal/backend.ts"
import { Component } from "./component.ts"
import { type ConnectFailure, notConnected } from "./not-connected.ts"

export interface ConnectOptions {
  /** Seconds for all of it together; default 10. */
  timeout?: number | undefined
  /** No I/O: every signal gets a value in memory that records writes. */
  mock?: boolean | undefined
  signal?: AbortSignal | undefined
  clock?: Clock | undefined
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
  const { mock = false, clock = systemClock, signal } = options
  if (signal?.aborted) throw toError(signal.reason)
  const started = clock.now()

  const all: Connectable[] = []
  for (const root of roots) {
    if (isConnectable(root)) all.push(root)
    for (const { component } of root.walk()) if (isConnectable(component)) all.push(component)
  }

  /** Those that failed, each with its reason. */
  const failed = new Map<Connectable, Omit<ConnectFailure, "component">>()
  const fail = (component: Connectable, cause: Error | null, elapsed: number) => {
    const { connection, source } = component
    const { state, address, reason } = connection
    failed.set(component, { source: connection.source ?? source, state, address, reason, elapsed, cause })
  }
  const pending = new Set<Connectable>()
  const refuse = (component: Connectable, thrown: unknown) =>
    fail(component, toError(thrown), clock.now() - started)
  const openings = all.flatMap(component => {
    try {
      const opening = component.open({ mock })
      if (opening === undefined) return []
      pending.add(component)
      return opening.then(
        () => void pending.delete(component),
        thrown => void (pending.delete(component) && refuse(component, thrown)),
      )
    } catch (thrown) {
      refuse(component, thrown)
      return []
    }
  })
  await within(Promise.all(openings), options)

  const elapsed = clock.now() - started
  const late = [...pending]
  pending.clear()
  for (const component of late) if (component.connection.optional !== true) fail(component, null, elapsed)
  if (failed.size === 0) return
  // In the order of declaration, not in that of failing.
  const failures = all.flatMap(component => {
    const how = failed.get(component)
    return how === undefined ? [] : [{ component, ...how }]
  })
  throw notConnected(failures, all, elapsed)
}

const isConnectable = (component: Component): component is Connectable => "open" in component

/** Waits for the work, until time runs out; rejects when it is aborted. */
async function within(work: Promise<unknown>, options: ConnectOptions): Promise<void> {
  const { timeout = 10, signal, clock = systemClock } = options
  let leave = () => {}
  try {
    await new Promise<void>((resolve, reject) => {
      const abort = () => reject(toError(signal?.reason))
      const stopTimer = clock.after(timeout, resolve)
      signal?.addEventListener("abort", abort)
      leave = () => {
        stopTimer()
        signal?.removeEventListener("abort", abort)
      }
      work.then(() => resolve(), reject)
    })
  } finally {
    leave()
  }
}
