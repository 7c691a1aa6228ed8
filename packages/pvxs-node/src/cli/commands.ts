import { formatEndpoint } from "@ophyd-ts/epics-net"
import { PvaClient } from "../client/client.ts"
import { type PvaClientConfig, resolveConfig } from "../client/config.ts"
import { findServers } from "../client/discover.ts"
import type { CallOptions } from "../client/job.ts"
import { PvaError } from "../errors.ts"
import { ntUri } from "../nt/table.ts"
import type { StructureType } from "../values/field-type.ts"
import { toJson } from "../values/plain.ts"
import { fieldNames } from "../values/structure.ts"
import type { PvStructureValue } from "../values/value-of.ts"
import { pvRequest } from "../wire/pv-request.ts"
import { formatMembers, formatReading, formatType } from "./format.ts"
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
  const asked = askedFor(job.request)
  if (job.json) job.print(JSON.stringify({ name, value: only(asked, toJson(value)) }))
  else if (job.full) job.print(`${name}\n${formatMembers(value, true, asked)}`)
  else job.print(formatReading(name, value))
}

/** Whether a request asks for a member, or for something in it. What nobody asked for did not come, and is not zero. */
function askedFor(request: string): (path: string) => boolean {
  const fields = leafPaths(pvRequest(request)["field"] as PvStructureValue)
  return path =>
    fields.length === 0 ||
    fields.some(field => field === path || field.startsWith(`${path}.`) || path.startsWith(`${field}.`))
}

const leafPaths = (field: PvStructureValue, path = ""): string[] =>
  fieldNames(field)
    .filter(name => name !== "_options")
    .flatMap(name => {
      const inner = leafPaths(field[name] as PvStructureValue, `${path}${name}.`)
      return inner.length === 0 ? [`${path}${name}`] : inner
    })

function only(asked: (path: string) => boolean, value: unknown, path = ""): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value
  const members = Object.entries(value).filter(([name]) => asked(path + name))
  return Object.fromEntries(members.map(([name, inner]) => [name, only(asked, inner, `${path}${name}.`)]))
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
    await using channel = client.channel(name)
    const type = await channel.info(options(job))
    const { endpoint } = channel
    const text = `${name} from ${endpoint}\n${formatType(type)}`
    return () => job.print(job.json ? JSON.stringify({ name, endpoint, type }) : text)
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
    // It waits as long as it takes, but not in silence.
    await using channel = client.channel(name)
    const late = setTimeout(() => {
      if (monitor.latest === null) job.complain(`${name}: nothing yet; ${channel.describe()}`)
    }, job.timeout * 1000)
    try {
      for await (const update of monitor) {
        show(job, name, update.value)
        if (--left <= 0) break
      }
    } catch (error) {
      if (error instanceof PvaError && error.code === "PVA_ABORTED") return
      failed = true
      job.complain(message(error))
    } finally {
      clearTimeout(late)
    }
  }
  await Promise.all(job.words.map(follow))
  return failed ? 1 : 0
}

const noneByUdp =
  "no server answers by UDP: is one running, is the address list right, does a firewall stop UDP?"

/** Every server that answers: by UDP, and the name servers, which are asked over TCP. */
const listServers: Command = async job => {
  await using client = new PvaClient({ ...job.config, timeout: Math.min(job.timeout, 2) })
  const { nameServers } = resolveConfig(job.config)
  const [servers, names] = await Promise.all([
    findServers(job.config, Math.min(job.timeout, 2)),
    Promise.all(nameServers.map(each => answers(client, formatEndpoint(each)))),
  ])
  const byUdp = new Set(servers.map(each => each.endpoint))
  for (const { guid, endpoint } of servers) {
    job.print(
      job.json ? JSON.stringify({ guid, endpoint }) : `GUID 0x${guid.toUpperCase()} tcp@[ ${endpoint} ]`,
    )
  }
  for (const { endpoint, problem } of names) {
    if (problem !== undefined) job.complain(`name server ${endpoint}: ${problem}`)
    else if (!byUdp.has(endpoint))
      job.print(job.json ? JSON.stringify({ endpoint }) : `name server tcp@[ ${endpoint} ]`)
  }
  const none = servers.length === 0 && names.every(each => each.problem !== undefined)
  if (none) job.complain(noneByUdp)
  return none ? 1 : 0
}

/** Says why a server does not answer over TCP, if it does not. */
async function answers(
  client: PvaClient,
  endpoint: string,
): Promise<{ endpoint: string; problem: string | undefined }> {
  try {
    await client.rpc("server", ntUri("server", { op: "info" }), { server: endpoint })
    return { endpoint, problem: undefined }
  } catch (error) {
    // Whatever it says, it is there.
    const refused = error instanceof PvaError && error.code === "PVA_REFUSED"
    return { endpoint, problem: refused ? undefined : message(error) }
  }
}

const listCommand: Command = async job => {
  if (job.words.length === 0) return listServers(job)
  await using client = new PvaClient({ ...job.config, timeout: job.timeout })
  let code = 0
  for (const word of job.words) {
    try {
      const server = /^0x[0-9a-f]{24}$/i.test(word) ? await withGuid(job, word) : word
      const answer = await client.rpc("server", ntUri("server", { op: "channels" }), {
        ...options(job),
        server,
      })
      const names = (answer?.["value"] ?? []) as readonly string[]
      if (job.json) job.print(JSON.stringify({ server, names }))
      else for (const name of [...names].sort()) job.print(name)
    } catch (error) {
      job.complain(`${word}: ${message(error)}`)
      job.complain("a server is HOST[:PORT] or a GUID, as `pvx list` prints them")
      code = 1
    }
  }
  return code
}

/** The server instance that a list has printed. */
async function withGuid(job: Job, text: string): Promise<string> {
  const servers = await findServers(job.config, Math.min(job.timeout, 2))
  const found = servers.find(({ guid }) => guid === text.slice(2).toLowerCase())
  if (found === undefined) throw new PvaError("PVA_NET", "no server of this GUID answers by UDP")
  return found.endpoint
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
  if (config.nameServers.length + config.destinations.length === 0)
    job.complain(
      "nothing is searched: set EPICS_PVA_ADDR_LIST, EPICS_PVA_AUTO_ADDR_LIST or EPICS_PVA_NAME_SERVERS",
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
    }
  }
  if (code === 0 && job.words.length > 0) return 0
  job.print("servers that answer:")
  const found = await listServers({ ...job, json: false })
  if (found === 0 && code !== 0)
    job.complain(
      `they answer, so the name may be wrong, or the IOC that has it is not running, or not reached`,
    )
  return Math.max(code, found)
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
