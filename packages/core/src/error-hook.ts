import { toError } from "./errors.ts"
import type { Subscription } from "./protocols.ts"

/** Called with an error that nobody waits for, and where it came from, e.g. `a subscriber of m1`. */
export type ErrorHook = (error: Error, where: string) => void

const hooks = new Set<ErrorHook>()

/**
 * Hears of errors that nobody waits for: those thrown by callbacks (subscribers, watchers, `onDone`), and failures of what
 * goes on in the background, such as a subscription that the server ends. Such an error disturbs neither the object that
 * called nor the other callbacks.
 *
 * Without a hook the runtime hears of it, once for each place and message: Node as a process warning with the code
 * `OPHYD_CALLBACK` (an event of `process`; Node prints it unless it was told not to, and goes on), a browser by
 * `reportError`. With a hook, the hook alone does.
 */
export function onCallbackError(hook: ErrorHook): Subscription {
  hooks.add(hook)
  const unsubscribe = () => void hooks.delete(hook)
  return { unsubscribe, [Symbol.dispose]: unsubscribe }
}

/** Hands an error that nobody waits for to the hooks, or to the runtime. Never throws. */
export function reportCallbackError(thrown: unknown, where: string): void {
  const error = toError(thrown)
  if (hooks.size === 0) tellRuntime(error, where)
  for (const hook of hooks) {
    try {
      hook(error, where)
    } catch {
      // There is nobody left to tell.
    }
  }
}

/** What a runtime may have to report an error to its program without ending it. */
interface Runtime {
  readonly process?: {
    emitWarning?(message: string, options: { type: string; code: string; detail: string }): void
  }
  readonly reportError?: (error: Error) => void
}

/** What was told already. A subscriber that throws does so with each update. */
const told = new Set<string>()
/** So much is remembered; then it begins anew. */
const remembered = 1000

function tellRuntime(error: Error, where: string): void {
  const message = `${where} failed: ${error.message}`
  if (told.has(message)) return
  if (told.size >= remembered) told.clear()
  told.add(message)
  const { process, reportError } = globalThis as Runtime
  // First, because `reportError` ends the process in runtimes for servers that have it.
  if (process?.emitWarning !== undefined) {
    const detail = error.stack ?? ""
    process.emitWarning(message, { type: "OphydWarning", code: "OPHYD_CALLBACK", detail })
  } else reportError?.(new Error(message, { cause: error }))
}
