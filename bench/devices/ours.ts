/** One measurement of our devices, in a process of its own: `ours.ts MODE PREFIX`. Prints one JSON value. Mirrors ../peers/devices.py. */
import { double, softSignal } from "@ophyd-ts/core"
import { closeDefaultClients, EpicsDevice } from "@ophyd-ts/epics"

const [mode = "", prefix = "", seconds = "1"] = process.argv.slice(2)
const limit = Number(seconds) * 1000

class Axes extends EpicsDevice {
  readonly first = this.signal.rw(double, "r0")

  constructor(count: number) {
    super(prefix, { name: "axes" })
    for (let i = 1; i < count; i += 1) Object.assign(this, { [`s${i}`]: this.signal.rw(double, `r${i}`) })
  }
}

/** Calls per second. The first ones are not counted. */
async function rate(call: () => unknown): Promise<number> {
  for (let i = 0; i < 100; i += 1) await call()
  const start = performance.now()
  let done = 0
  while (performance.now() - start < limit) {
    await call()
    done += 1
  }
  return (done / (performance.now() - start)) * 1000
}

async function connect(count: number): Promise<unknown> {
  // The circuit to the server exists, as it does in the peers' measurement.
  await new Axes(1).connect({ timeout: 30 })
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  const start = performance.now()
  const device = new Axes(count)
  await device.connect({ timeout: 60 })
  const elapsed = (performance.now() - start) / 1000
  globalThis.gc?.()
  return { seconds: elapsed, bytes: (process.memoryUsage().rss - before) / count, size: device.children.size }
}

async function measure(): Promise<unknown> {
  if (mode.startsWith("connect-")) return connect(Number(mode.slice("connect-".length)))
  if (mode === "soft") {
    const signal = softSignal(double, { name: "x" })
    let i = 0
    return rate(() => {
      signal.set(i++)
      return signal.read()
    })
  }
  const device = new Axes(50)
  await device.connect({ timeout: 30 })
  if (mode === "read-50") return rate(() => device.read())
  let i = 0
  return rate(() => device.first.set(i++ % 100))
}

console.log(JSON.stringify(await measure()))
await closeDefaultClients()
