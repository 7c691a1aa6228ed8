/**
 * One measurement of epics-tca, the pvAccess client on npm: `pva-tca.ts MODE PREFIX [SECONDS]`. Prints one JSON value.
 * The modes are those of ../pva/ours.ts.
 */
import { limit, mode, openTca, prefix, rate, wait } from "./tca.ts"

/** As much of its interface as is used here. */
interface TcaChannel {
  getPva(timeout?: number): Promise<{ value?: unknown } | undefined>
  createMonitorPva(
    timeout: undefined,
    request: string,
    listener: (monitor: { getPvaData(): unknown }) => void,
  ): Promise<unknown>
}
const channel = await openTca<TcaChannel>("pva")

async function read(from: TcaChannel): Promise<unknown> {
  const reply = await from.getPva()
  if (reply?.value === undefined) throw new Error("a get without a value")
  return reply.value
}

const names = (letter: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${letter}${i}`)

async function connect(count: number): Promise<number> {
  await read(await channel(`${prefix}array.NELM`))
  const start = performance.now()
  await Promise.all(names("r", count).map(async name => read(await channel(name))))
  return (performance.now() - start) / 1000
}

async function watch(
  watched: readonly string[],
  see: (value: unknown, of: number) => number,
): Promise<unknown> {
  let updates = 0
  let lost = 0
  const channels = await Promise.all(watched.map(channel))
  channels.forEach((each, i) => {
    void each.createMonitorPva(undefined, "", monitor => {
      lost += see((monitor.getPvaData() as { value?: unknown }).value, i)
      updates += 1
    })
  })
  await wait(500)
  updates = 0
  lost = 0
  const cpu = process.cpuUsage()
  const start = performance.now()
  await wait(limit)
  const elapsed = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  if (updates === 0) throw new Error("no updates")
  return { rate: updates / elapsed, cpuPerUpdate: (user + system) / updates, lost }
}

function scalars(watched: readonly string[]): Promise<unknown> {
  const last = watched.map(() => Number.NaN)
  return watch(watched, (seen, i) => {
    if (typeof seen !== "number") throw new Error("an update without a value")
    const missing = seen > last[i]! + 1 ? seen - last[i]! - 1 : 0
    last[i] = seen
    return missing
  })
}

const pixels = 1024 * 1024

/** A union reads as an object with its value, which is a plain array of numbers. */
const images = (name: string): Promise<unknown> =>
  watch([name], seen => {
    const { value = seen } = Object(seen) as { value?: unknown }
    if (!Array.isArray(value) || value.length !== pixels) throw new Error("an update without an image")
    return 0
  })

const modes: Record<string, () => Promise<unknown>> = {
  "connect-1000": () => connect(1000),
  "connect-10000": () => connect(10_000),
  get: async () => {
    const one = await channel(`${prefix}r0`)
    return rate(() => read(one))
  },
  "get-bulk": async () => {
    const list = await Promise.all(names("r", 1000).map(channel))
    return rate(() => Promise.all(list.map(read)), list.length)
  },
  array: async () => {
    const one = await channel(`${prefix}array`)
    return rate(async () => {
      const { length } = (await read(one)) as unknown[]
      if (length !== 1_000_000) throw new Error(`an array of ${length}`)
    }, 8)
  },
  flood: () => scalars(["flood"]),
  scanned: () => scalars(names("s", 2000)),
  image: () => images("image"),
  segmented: () => images("segmented"),
}

console.log(JSON.stringify(await modes[mode]?.()))
process.exit(0)
