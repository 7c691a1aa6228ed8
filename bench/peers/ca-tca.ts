/**
 * One measurement of epics-tca, the Channel Access client on npm: `ca-tca.ts MODE PREFIX [SECONDS]`. Prints one JSON value.
 * The modes are those of ../ca/ours.ts.
 */
import { Seen, watch } from "../watch.ts"
import { limit, mode, openTca, prefix, rate } from "./tca.ts"

/** As much of its interface as is used here. */
interface TcaChannel {
  get(timeout: number | undefined, type: number): Promise<{ value: unknown } | undefined>
  put(value: number[], timeout: number | undefined, notify: boolean): Promise<number | undefined>
  createMonitor(timeout: undefined, listener: () => void, type: number): Promise<unknown>
  getDbrValue(): unknown
}

const TIME_DOUBLE = 20

const channel = await openTca<TcaChannel>("ca")

async function read(from: TcaChannel): Promise<void> {
  const reply = await from.get(undefined, TIME_DOUBLE)
  if (reply?.value === undefined) throw new Error("a get without a value")
}

const channels = (from: number, to: number): Promise<TcaChannel[]> =>
  Promise.all(Array.from({ length: to - from }, (_, i) => channel(`${prefix}r${from + i}`)))

async function connect(count: number): Promise<unknown> {
  await channel(`${prefix}array.NELM`)
  const start = performance.now()
  await channels(0, count)
  return { seconds: (performance.now() - start) / 1000 }
}

async function memory(): Promise<number> {
  const resident = async (from: number, to: number): Promise<number> => {
    await channels(from, to)
    globalThis.gc?.()
    return process.memoryUsage().rss
  }
  const before = await resident(0, 2000)
  return ((await resident(2000, 12_000)) - before) / 10_000
}

async function latencies(): Promise<unknown> {
  const one = await channel(`${prefix}r0`)
  const samples: number[] = []
  await rate(async () => {
    const start = performance.now()
    await read(one)
    samples.push((performance.now() - start) * 1000)
  })
  samples.sort((a, b) => a - b)
  return { p50: samples[samples.length >> 1], p99: samples[Math.floor(samples.length * 0.99)] }
}

async function monitor(name: string): Promise<unknown> {
  const one = await channel(name)
  const seen = new Seen()
  const see = seen.follow()
  const heard = (): void => see(Number(([] as unknown[]).concat(one.getDbrValue())[0]))
  void one.createMonitor(undefined, heard, TIME_DOUBLE)
  return watch(seen, limit)
}

async function array(name: string): Promise<number> {
  const one = await channel(name)
  return rate(() => read(one), 8)
}

const modes: Record<string, () => Promise<unknown>> = {
  "connect-1000": () => connect(1000),
  "connect-10000": () => connect(10_000),
  memory,
  get: async () => {
    const one = await channel(`${prefix}r0`)
    return rate(() => read(one))
  },
  latency: latencies,
  put: async () => {
    const one = await channel(`${prefix}r0`)
    return rate(() => one.put([1.5], undefined, true))
  },
  "get-bulk": async () => {
    const list = await channels(0, 1000)
    return rate(() => Promise.all(list.map(read)), list.length)
  },
  array: () => array(`${prefix}array`),
  "flood-array": () => array("array"),
  monitor: () => monitor(`${prefix}free`),
  flood: () => monitor("flood"),
}

console.log(JSON.stringify(await modes[mode]?.()))
process.exit(0)
