/**
 * One measurement of epics-tca, the pvAccess client on npm: `pva-tca.ts MODE PREFIX [SECONDS]`. Prints one JSON value.
 * The modes are those of ../pva/ours.ts.
 */
import { Seen, type Watched, watch } from "../watch.ts"
import { limit, mode, openTca, prefix, rate } from "./tca.ts"

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

/** `see` throws for an update that is not what is expected. */
async function updates(
  watched: readonly string[],
  seen: Seen,
  see: (value: unknown, of: number) => void,
): Promise<Watched> {
  const channels = await Promise.all(watched.map(channel))
  channels.forEach((each, i) => {
    void each.createMonitorPva(undefined, "", monitor => {
      see((monitor.getPvaData() as { value?: unknown }).value, i)
    })
  })
  const result = await watch(seen, limit)
  if (result.rate === 0) throw new Error("no updates")
  return result
}

function scalars(watched: readonly string[]): Promise<Watched> {
  const seen = new Seen()
  const follow = watched.map(() => seen.follow())
  return updates(watched, seen, (value, i) => {
    if (typeof value !== "number") throw new Error("an update without a value")
    follow[i]!(value)
  })
}

const pixels = 1024 * 1024

/** A union reads as an object with its value, which is a plain array of numbers. */
function images(name: string): Promise<Watched> {
  const seen = new Seen()
  return updates([name], seen, update => {
    const { value = update } = Object(update) as { value?: unknown }
    if (!Array.isArray(value) || value.length !== pixels) throw new Error("an update without an image")
    seen.updates += 1
  })
}

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
