import { toError } from "./errors.ts"
import type { Subscription } from "./protocols.ts"

/** Called with an error that nobody waits for, and where it came from, e.g. `subscriber of m1`. */
export type ErrorHook = (error: Error, where: string) => void

const hooks = new Set<ErrorHook>()

/**
 * Hears of errors thrown by callbacks: subscribers, watchers, `onDone`. Such an error disturbs neither the object that
 * called nor the other callbacks, and a library does not print, so without a hook it is dropped.
 */
export function onCallbackError(hook: ErrorHook): Subscription {
  hooks.add(hook)
  const unsubscribe = () => void hooks.delete(hook)
  return { unsubscribe, [Symbol.dispose]: unsubscribe }
}

/** Hands an error that a callback threw to the hooks. A hook that throws is ignored: there is nobody left to tell. */
export function reportCallbackError(thrown: unknown, where: string): void {
  const error = toError(thrown)
  for (const hook of hooks) {
    try {
      hook(error, where)
    } catch {}
  }
}
