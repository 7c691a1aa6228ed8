import { formatEndpoint } from "@ophyd-ts/epics-net"
import { PvaClient } from "../client/client.ts"
import { type PvaClientConfig, resolveConfig } from "../client/config.ts"
import { findServers } from "../client/discover.ts"
import type { CallOptions } from "../client/job.ts"
import { PvaError } from "../errors.ts"
import { ntUri } from "../nt/table.ts"
import type { StructureType } from "../values/field-type.ts"
import { toJson } from "../values/plain.ts"
import type { PvStructureValue } from "../values/value-of.ts"
import { formatMembers, formatReading, formatType, formatValue } from "./format.ts"
import { parseArguments, parseWords } from "./parse-value.ts"

/** What a command works with. */
export interface Job {
  readonly words: readonly string[]
  readonly config: PvaClientConfig
  readonly timeout: number
  readonly request: string
  readonly json: boolean
  /** All members instead of one line; all elements of arrays. */
  readonly full: boolean
  readonly completion: boolean
  /** Updates after which a monitor ends. */
  readonly count: number
  readonly signal: AbortSignal
  print(line: string): void
  complain(line: string): void
}

export type Command = (job: Job) => Promise<number>

const show = (job: Job, name: string, value: PvStructureValue): void => {
  if (job.json) job.print(JSON.stringify({ name, value: toJson(value) }))
  else if (job.full) job.print(`${name}\n${formatMembers(value, true)}`)
  else job.print(formatReading(name, value))
}

const message = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Runs an action for each name at once, prints in order, and fails when one does. */
async function each(
  job: Job,
  action: (client: PvaClient, name: string) => Promise<() => void>,
): Promise<number> {
  await using client = new PvaClient({ ...job.config, timeout: job.timeout })
  const results = await Promise.allSettled(job.words.map(name => action(client, name)))
  for (const result of results) {
    if (result.status === "fulfilled") result.value()
    else job.complain(message(result.reason))
  }
  return results.some(result => result.status === "rejected") ? 1 : 0
}

const options = ({ signal }: Job): CallOptions => ({ signal })

const getCommand: Command = job =>
  each(job, async (client, name) => {
    const value = await client.get(name, { ...options(job), request: job.request })
    return () => show(job, name, value)
  })

const infoCommand: Command = job =>
  each(job, async (client, name) => {
    const type = await client.info(name, options(job))
    return () => job.print(job.json ? JSON.stringify({ name, type }) : `${name}\n${formatType(type)}`)
  })

const putCommand: Command = async job => {
  const [name = "", ...words] = job.words
  await using client = new PvaClient({ ...job.config, timeout: job.timeout })
  const before = await client.get(name, options(job))
  const type = (await client.info(name, options(job))) as StructureType
  await client.put(name, parseWords(type, words), { ...options(job), completion: job.completion })
  const after = await client.get(name, options(job))
  if (!job.json) job.print(`Old : ${formatReading(name, before)}`)
  if (job.json) show(job, name, after)
  else job.print(`New : ${formatReading(name, after)}`)
  return 0
}

const callCommand: Command = async job => {
  const [name = "", ...words] = job.words
  await using client = new PvaClient({ ...job.config, timeout: job.timeout })
  const result = await client.rpc(name, ntUri(name, parseArguments(words)), options(job))
  if (result === null) job.print(job.json ? "null" : "(no result)")
  else show(job, name, result)
  return 0
}

const monitorCommand: Command = async job => {
  await using client = new PvaClient({ ...job.config, timeout: job.timeout })
  let failed = false
  const follow = async (name: string): Promise<void> => {
    const monitor = client.monitor(name, { ...options(job), request: job.request, deliver: "all" })
    monitor.on("disconnected", reason => job.complain(`${name} disconnected: ${reason.message}`))
    let left = job.count
    try {
      for await (const update of monitor) {
        show(job, name, update.value)
        if (--left <= 0) break
      }
    } catch (error) {
      if (error instanceof PvaError && error.code === "PVA_ABORTED") return
      failed = true
      job.complain(message(error))
    }
  }
  await Promise.all(job.words.map(follow))
  return failed ? 1 : 0
}

const listCommand: Command = async job => {
  if (job.words.length === 0) {
    const servers = await findServers(job.config, Math.min(job.timeout, 2))
    for (const { guid, endpoint } of servers) {
      job.print(
        job.json ? JSON.stringify({ guid, endpoint }) : `GUID 0x${guid.toUpperCase()} tcp@[ ${endpoint} ]`,
      )
    }
    return 0
  }
  await using client = new PvaClient({ ...job.config, timeout: job.timeout })
  let code = 0
  for (const server of job.words) {
    try {
      const answer = await client.rpc("server", ntUri("server", { op: "channels" }), {
        ...options(job),
        server,
      })
      const names = (answer?.["value"] ?? []) as readonly string[]
      if (job.json) job.print(JSON.stringify({ server, names }))
      else for (const name of [...names].sort()) job.print(name)
    } catch (error) {
      job.complain(message(error))
      code = 1
    }
  }
  return code
}

const doctorCommand: Command = async job => {
  const config = resolveConfig(job.config)
  const list = (entries: readonly { host: string; port: number }[]): string =>
    entries.length === 0 ? "none" : entries.map(formatEndpoint).join(" ")
  job.print(`name servers (TCP)   ${list(config.nameServers)}`)
  job.print(`searches go to (UDP) ${list(config.destinations)}`)
  job.print(
    `presented as         ${config.authentication === "ca" ? `${config.user} on ${config.host}` : "anonymous"}`,
  )
  let code = 0
  for (const name of job.words) {
    await using client = new PvaClient({ ...job.config, timeout: job.timeout })
    await using channel = client.channel(name)
    const start = performance.now()
    const took = (): string => `${((performance.now() - start) / 1000).toFixed(3)} s`
    try {
      await channel.connect(options(job))
      job.print(`${name}: connected to ${channel.endpoint} after ${took()}`)
      const value = await channel.get(options(job))
      job.print(`${name}: answered a get after ${took()}: ${formatReading(name, value).split("\n")[0]}`)
    } catch (error) {
      code = 1
      job.complain(message(error))
      const servers = await findServers(job.config, 1)
      job.complain(
        servers.length === 0
          ? "no server answers by UDP: is one running, is the address list right, does a firewall stop UDP?"
          : `servers that answer by UDP: ${servers.map(s => s.endpoint).join(" ")}; none of them may have ${formatValue(name)}`,
      )
    }
  }
  return code
}

export const commands: Readonly<Record<string, Command>> = {
  get: getCommand,
  put: putCommand,
  monitor: monitorCommand,
  info: infoCommand,
  call: callCommand,
  list: listCommand,
  doctor: doctorCommand,
}
