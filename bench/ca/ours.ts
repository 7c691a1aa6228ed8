/** One measurement of our client, in a process of its own: `ours.ts MODE PREFIX`. Prints one JSON value. Mirrors ../peers/ca.py. */
import { CaClient } from "node-epics-ca"
import { networkTransport } from "../../packages/node-epics-ca/src/client/transport.ts"
import { Command, MessageParser } from "../../packages/node-epics-ca/src/wire/index.ts"
import { callRate } from "../bench.ts"
import { Seen, watch } from "../watch.ts"

const [mode = "", prefix = "", seconds = "1"] = process.argv.slice(2)
const limit = Number(seconds) * 1000
const client = new CaClient({ timeout: 60 })

const rate = (round: () => Promise<unknown>, calls = 1): Promise<number> => callRate(limit, round, calls)

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
  const seen = new Seen()
  const see = seen.follow()
  client.monitor(name, { onUpdate: ({ value }) => see(value as number) })
  return watch(seen, limit)
}

/**
 * The same, iterated with `all`, and beside it what came in at the socket: an update that is missing there already was never sent.
 */
async function monitorAll(name: string): Promise<unknown> {
  let open = false
  const arrived = new Seen()
  const arrive = arrived.follow()
  const parser = new MessageParser(
    {
      onMessage: message => {
        if (open && message.command === Command.EVENT_ADD && message.size >= 24) {
          arrive(message.view.getFloat64(message.offset + 16))
        }
      },
      onOversized: () => {},
    },
    1 << 20,
  )
  await using tapped = new CaClient(
    { timeout: 60 },
    {
      transport: {
        ...networkTransport,
        connect: (endpoint, handler) =>
          networkTransport.connect(endpoint, {
            onConnect: () => handler.onConnect(),
            onData: (chunk, full) => {
              parser.push(chunk)
              handler.onData(chunk, full)
            },
            onClose: error => handler.onClose(error),
          }),
      },
    },
  )
  const taken = new Seen()
  const take = taken.follow()
  const monitor = tapped.monitor(name, { all: true })
  let start = 0
  setTimeout(() => {
    open = true
    start = performance.now()
    setTimeout(() => {
      open = false
      monitor.close()
    }, limit)
  }, 500)
  for await (const { value } of monitor) if (start > 0) take(value as number)
  return {
    rate: (taken.updates / (performance.now() - start)) * 1000,
    lost: taken.lost,
    missing: (100 * taken.lost) / (taken.lost + taken.updates),
    lostBefore: arrived.lost,
    lostHere: arrived.updates - taken.updates,
  }
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
  "monitor-all": () => monitorAll(`${prefix}free`),
  flood: () => monitor("flood"),
  "flood-all": () => monitorAll("flood"),
}

console.log(JSON.stringify(await modes[mode]?.()))
await client.close()
