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

/** Comes to rest: after some quiet seconds V8 collects once more and hands pages back that only the burst needed. */
async function rest(): Promise<void> {
  for (let i = 0; i < 6; i += 1) {
    globalThis.gc?.()
    await new Promise(resolve => setTimeout(resolve, 500))
  }
  globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" })
  await new Promise(resolve => setTimeout(resolve, 500))
}

async function connect(count: number): Promise<unknown> {
  // The circuit to the server exists, as it does in the peers' measurement.
  await new Axes(1).connect({ timeout: 30 })
  await rest()
  const before = process.memoryUsage()
  const start = performance.now()
  const device = new Axes(count)
  await device.connect({ timeout: 60 })
  const elapsed = (performance.now() - start) / 1000
  await rest()
  const after = process.memoryUsage()
  const held = (use: NodeJS.MemoryUsage): number => use.heapUsed + use.external
  return {
    seconds: elapsed,
    bytes: (after.rss - before.rss) / count,
    held: (held(after) - held(before)) / count,
    size: device.children.size,
  }
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
