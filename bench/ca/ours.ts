/** One measurement of our client, in a process of its own: `ours.ts MODE PREFIX`. Prints one JSON value. Mirrors ../peers/ca.py. */
import { CaClient } from "node-epics-ca"

const [mode = "", prefix = "", seconds = "1"] = process.argv.slice(2)
const limit = Number(seconds) * 1000
const client = new CaClient({ timeout: 60 })

/** Calls per second of `round`, which makes `calls`; its first call is not counted. */
async function rate(round: () => Promise<unknown>, calls = 1): Promise<number> {
  await round()
  const start = performance.now()
  let done = 0
  while (performance.now() - start < limit) {
    await round()
    done += calls
  }
  return (done / (performance.now() - start)) * 1000
}

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `${prefix}r${i}`)

async function connect(count: number): Promise<unknown> {
  // The circuit to the server exists, as it does in the peers' measurement.
  await client.get(`${prefix}array.NELM`)
  const start = performance.now()
  const channels = names(count).map(name => client.channel(name))
  await Promise.all(channels.map(channel => channel.connect()))
  return { seconds: (performance.now() - start) / 1000 }
}

/** What each further channel costs, once the first ten thousand have warmed the process up. */
async function memory(): Promise<number> {
  const resident = async (from: number, to: number): Promise<number> => {
    const channels = names(to)
      .slice(from)
      .map(name => client.channel(name))
    await Promise.all(channels.map(channel => channel.connect()))
    globalThis.gc?.()
    return process.memoryUsage().rss
  }
  const before = await resident(0, 10_000)
  return ((await resident(10_000, 60_000)) - before) / 50_000
}

async function latencies(): Promise<unknown> {
  const name = `${prefix}r0`
  const samples: number[] = []
  await rate(async () => {
    const start = performance.now()
    await client.get(name)
    samples.push((performance.now() - start) * 1000)
  })
  samples.sort((a, b) => a - b)
  return { p50: samples[samples.length >> 1], p99: samples[Math.floor(samples.length * 0.99)] }
}

async function monitor(name: string): Promise<unknown> {
  let updates = 0
  let lost = 0
  let last = Number.NaN
  client.monitor(name, {
    onUpdate: ({ value }) => {
      updates += 1
      if ((value as number) > last + 1) lost += (value as number) - last - 1
      last = value as number
    },
  })
  const wait = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
  await wait(500)
  updates = 0
  lost = 0
  const cpu = process.cpuUsage()
  const start = performance.now()
  await wait(limit)
  const elapsed = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { rate: updates / elapsed, cpuPerUpdate: (user + system) / updates, lost }
}

const modes: Record<string, () => Promise<unknown>> = {
  "connect-1000": () => connect(1000),
  "connect-10000": () => connect(10_000),
  memory,
  get: () => rate(() => client.get(`${prefix}r0`)),
  latency: latencies,
  put: () => rate(() => client.put(`${prefix}r0`, 1.5, { completion: true })),
  "get-bulk": () => {
    const list = names(1000)
    return rate(() => client.get(list), list.length)
  },
  array: async () => {
    const name = `${prefix}array`
    await client.put(name, new Float64Array(1_000_000), { completion: true })
    return rate(() => client.get(name), 8)
  },
  "flood-array": () => rate(() => client.get("array"), 8),
  monitor: () => monitor(`${prefix}free`),
  flood: () => monitor("flood"),
}

console.log(JSON.stringify(await modes[mode]?.()))
await client.close()
