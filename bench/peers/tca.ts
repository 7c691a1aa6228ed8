/** What the measurements of epics-tca, the client on npm, share: `SCRIPT MODE PREFIX [SECONDS]`. It finds servers by UDP alone. */
import { createRequire } from "node:module"
import { callRate } from "../bench.ts"

interface Tca<Channel> {
  Context: new (
    environment: undefined,
    logLevel: number,
  ) => {
    initialize(): Promise<void>
    createChannel(name: string, protocol: "ca" | "pva"): Promise<Channel | undefined>
  }
}

const [mode = "", prefix = "", seconds = "1"] = process.argv.slice(2)
const limit = Number(seconds) * 1000
/** Beyond "fatal": it logs to standard output. */
const SILENT = 99

export { limit, mode, prefix }

export const rate = (round: () => Promise<unknown>, calls = 1): Promise<number> =>
  callRate(limit, round, calls)

/** Starts the client; gives how to open a channel, of which `Channel` is as much of its interface as is used. */
export async function openTca<Channel>(protocol: "ca" | "pva"): Promise<(name: string) => Promise<Channel>> {
  const { Context } = createRequire(import.meta.url)("epics-tca") as Tca<Channel>
  const context = new Context(undefined, SILENT)
  await context.initialize()
  return async name => {
    const found = await context.createChannel(name, protocol)
    if (found === undefined) throw new Error(`${name} does not connect`)
    return found
  }
}
