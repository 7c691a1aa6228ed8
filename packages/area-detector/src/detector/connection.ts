import type { Signal } from "@ophyd-ts/core"

/** True when the signal is connected within so many seconds. */
export async function awaitConnection(signal: Signal<unknown>, timeout: number): Promise<boolean> {
  if (signal.connected) return true
  return await new Promise<boolean>(resolve => {
    const end = (connected: boolean) => {
      stopTimer()
      leave()
      resolve(connected)
    }
    const stopTimer = signal.clock.after(timeout, () => end(false))
    const leave = signal.onConnection(up => {
      if (up && signal.connected) end(true)
    })
  })
}
