import { CaClient } from "../client/client.ts"
import { namesOf, numberOption, read } from "./arguments.ts"
import { type CliIo, EXIT } from "./io.ts"

export const infoHelp = `epics-ca info [-w SECONDS] [--json] NAME…      connection, type and access, as cainfo shows them`
export const searchHelp = `epics-ca search [-w SECONDS] [--json] NAME…    which server has the name, and how long it took to find`

const options = { timeout: { type: "string", short: "w" }, json: { type: "boolean" } } as const

interface Found {
  name: string
  server: string
  type: string
  count: number
  readable: boolean
  writable: boolean
  seconds: number
}

/** Connects to every name and shows each as it is found, failures on standard error. */
async function each(args: readonly string[], io: CliIo, show: (found: Found) => string): Promise<number> {
  const { values, positionals } = read(args, options)
  const timeout = numberOption(values.timeout, "-w", 5)
  const names = namesOf(positionals)
  await using client = new CaClient(io.config)
  const start = performance.now()
  const lines = names.map(async name => {
    const channel = client.channel(name)
    try {
      await channel.connect({ timeout, signal: io.stop })
    } catch (error) {
      io.err((error as Error).message)
      return false
    }
    const found: Found = {
      name,
      server: channel.server ?? "",
      type: channel.nativeType ?? "",
      count: channel.count ?? 0,
      readable: channel.readable,
      writable: channel.writable,
      seconds: (performance.now() - start) / 1000,
    }
    io.out(values.json ? JSON.stringify(found) : show(found))
    return true
  })
  return (await Promise.all(lines)).every(Boolean) ? EXIT.ok : EXIT.failed
}

export const info = (args: readonly string[], io: CliIo): Promise<number> =>
  each(args, io, ({ name, server, type, count, readable, writable }) =>
    [
      name,
      "    State:            connected",
      `    Host:             ${server}`,
      `    Access:           ${readable ? "read" : "no read"}, ${writable ? "write" : "no write"}`,
      `    Native data type: DBF_${type.toUpperCase()}`,
      `    Element count:    ${count}`,
    ].join("\n"),
  )

export const search = (args: readonly string[], io: CliIo): Promise<number> =>
  each(
    args,
    io,
    ({ name, server, seconds }) => `${name.padEnd(30)} ${server} (${(seconds * 1000).toFixed(0)} ms)`,
  )
