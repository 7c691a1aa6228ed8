/** One measurement of our client, in a process of its own: `ours.ts MODE PREFIX`. Prints one JSON value. Mirrors ../peers/pva.py. */
import { connect } from "node:net"
import { type Monitor, ntScalar, PvaClient, type TypedArray } from "pvxs-node"
import { callRate } from "../bench.ts"
import { Seen, type Watched, wait, watch } from "../watch.ts"

const [mode = "", prefix = "", seconds = "1"] = process.argv.slice(2)
const limit = Number(seconds) * 1000
const client = new PvaClient({ timeout: 60 })

const rate = (round: () => Promise<unknown>, calls = 1): Promise<number> => callRate(limit, round, calls)

const names = (letter: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${letter}${i}`)

async function connectMany(count: number): Promise<number> {
  await client.get(`${prefix}array.NELM`)
  const start = performance.now()
  await Promise.all(names("r", count).map(name => client.get(name)))
  return (performance.now() - start) / 1000
}

/** What each further monitored scalar costs, once the first thousand have warmed the process up. */
async function memory(): Promise<number> {
  const monitors: Monitor[] = []
  const heap = async (from: number, to: number): Promise<number> => {
    let waiting = to - from
    await new Promise<void>(resolve => {
      const onUpdate = ({ initial }: { initial: boolean }): void => {
        if (initial && --waiting === 0) resolve()
      }
      for (const name of names("r", to).slice(from)) monitors.push(client.monitor(name, { onUpdate }))
    })
    globalThis.gc?.()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  const before = await heap(0, 2000)
  return ((await heap(2000, 10_000)) - before) / 8000
}

/** Updates of the records all together. */
function scalars(watched: readonly string[]): Promise<Watched> {
  const seen = new Seen()
  for (const name of watched) {
    const see = seen.follow()
    client.monitor(name, { type: ntScalar("double"), onUpdate: update => see(update.value.value) })
  }
  return watch(seen, limit)
}

function images(name: string, reuseMemory = false): Promise<Watched> {
  const seen = new Seen()
  client.monitor(name, {
    reuseMemory,
    onUpdate: ({ value }) => {
      if ((value["value"] as unknown as { value: TypedArray }).value.length > 0) seen.updates += 1
    },
  })
  return watch(seen, limit)
}

/** Frames per second that a socket receives when nobody looks at the bytes. */
async function bareSocket(): Promise<Watched> {
  const port = Number(process.env["BENCH_RAW_PORT"])
  const frame = Number(process.env["BENCH_FRAME_BYTES"])
  const seen = new Seen()
  const buffer = new Uint8Array(65_536)
  const socket = connect({
    host: "127.0.0.1",
    port,
    onread: {
      buffer,
      callback: n => {
        seen.updates += n / frame
        return true
      },
    },
  })
  const result = await watch(seen, limit)
  socket.destroy()
  return result
}

/** How late a scalar comes while images stream at full rate over a connection of their own. */
async function latency(): Promise<number> {
  const late: number[] = []
  client.monitor("image", { onUpdate: () => {} })
  const second = new PvaClient({ timeout: 60 })
  second.monitor("tick", {
    type: ntScalar("double"),
    onUpdate: ({ value, initial }) => {
      if (!initial) late.push(performance.timeOrigin + performance.now() - value.value)
    },
  })
  await wait(500)
  late.length = 0
  await wait(Math.max(limit, 3000))
  late.sort((a, b) => a - b)
  await second.close()
  return late[Math.floor(late.length * 0.99)] ?? Number.NaN
}

const modes: Record<string, () => Promise<unknown>> = {
  "connect-1000": () => connectMany(1000),
  "connect-10000": () => connectMany(10_000),
  memory,
  get: () => rate(() => client.get(`${prefix}r0`)),
  put: () => rate(() => client.put(`${prefix}r0`, 1.5, { completion: true })),
  "get-bulk": () => {
    const list = names("r", 1000)
    return rate(() => Promise.all(list.map(name => client.get(name))), list.length)
  },
  array: async () => {
    const name = `${prefix}array`
    await client.put(name, new Float64Array(1_000_000))
    return rate(() => client.get(name), 8)
  },
  flood: () => scalars(["flood"]),
  scanned: () => scalars(names("s", 2000)),
  image: () => images("image"),
  "image-reused": () => images("image", true),
  segmented: () => images("segmented"),
  "segmented-reused": () => images("segmented", true),
  "bare-socket": bareSocket,
  latency,
}

console.log(JSON.stringify(await modes[mode]?.()))
await client.close()
process.exit(0)
