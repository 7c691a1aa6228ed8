/**
 * A turn of the event loop, so that timers, sockets and pause requests get their share while a plan is busy.
 * A resolved promise would not do: microtasks all run before the loop turns.
 */
const immediate = (globalThis as { setImmediate?: (fn: () => void) => unknown }).setImmediate

export function turn(): Promise<void> {
  return new Promise(resolve => {
    if (immediate !== undefined) {
      immediate(resolve)
      return
    }
    if (typeof MessageChannel === "undefined") {
      setTimeout(resolve, 0)
      return
    }
    // Browsers hold nested timers back by 4 ms; a message does not wait.
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(null)
  })
}
