import { subscribe, unsubscribe } from "node:diagnostics_channel"
import { formatEndpoint } from "@ophyd-ts/epics-net"
import { CaClient } from "../client/client.ts"
import type { CaTrace } from "../client/diagnostics.ts"
import { CaError } from "../errors.ts"
import { namesOf, numberOption, read } from "./arguments.ts"
import { alarmText, general, timeText, valueText } from "./format.ts"
import { type CliIo, EXIT } from "./io.ts"

export const doctorHelp = `epics-ca doctor [-w SECONDS] NAME              step by step: why does this PV not connect?`

/** Explains, from the variables in force to the value, how far a name gets. */
export async function doctor(args: readonly string[], io: CliIo): Promise<number> {
  const { values, positionals } = read(args, { timeout: { type: "string", short: "w" } })
  const [name = ""] = namesOf(positionals)
  const timeout = numberOption(values.timeout, "-w", 5)
  await using client = new CaClient(io.config)
  settings(client, io)
  io.out(`\nLooking for ${name}, ${timeout} s at most:`)
  const stopTracing = narrate(name, io)
  const channel = client.channel(name)
  try {
    await channel.connect({ timeout, signal: io.stop })
    const { server, nativeType, count, readable, writable } = channel
    io.out(`\nConnected to ${server}: ${nativeType}, ${count} element(s)`)
    io.out(`Access: ${readable ? "may" : "may NOT"} read, ${writable ? "may" : "may NOT"} write`)
    const reading = await channel.get({ metadata: true, timeout, signal: io.stop })
    const shown = valueText(reading, { enumAsNumber: false, charAsText: false, digits: 6 })
    io.out(`Value: ${shown.length > 200 ? `${shown.slice(0, 200)}…` : shown}`)
    io.out(`Stamped ${timeText(reading.seconds, reading.nanoseconds)}, ${alarmText(reading) || "no alarm"}`)
    return EXIT.ok
  } catch (error) {
    io.out(`\n${(error as Error).message}`)
    for (const line of advice(error, client)) io.out(`  - ${line}`)
    return EXIT.failed
  } finally {
    stopTracing()
  }
}

function settings(client: CaClient, io: CliIo): void {
  const variables = Object.entries(process.env).filter(([key]) => key.startsWith("EPICS_CA_"))
  io.out("Variables in force:")
  for (const [key, value] of variables.sort()) io.out(`  ${key}=${value}`)
  if (variables.length === 0) io.out("  none; defaults apply")
  const { addressList, nameServers, connectionTimeout, maxArrayBytes } = client.settings
  io.out("What follows from them:")
  io.out(`  search by UDP at   ${addressList.map(formatEndpoint).join(", ") || "nowhere"}`)
  io.out(`  ask by TCP         ${nameServers.map(formatEndpoint).join(", ") || "nobody"}`)
  io.out(`  silence tolerated  ${connectionTimeout} s`)
  io.out(`  largest payload    ${maxArrayBytes} bytes`)
}

/** Prints what the client publishes about this name and every circuit, with the time since the start. */
function narrate(name: string, io: CliIo): () => void {
  const start = performance.now()
  const say = (text: string): void =>
    io.out(`  ${general((performance.now() - start) / 1000, 3).padStart(7)} s  ${text}`)
  const listeners: Record<string, (message: unknown) => void> = {
    search(message) {
      const { names, destinations } = message as CaTrace["search"]
      if (names.includes(name)) say(`searched at ${destinations} place(s)`)
    },
    circuit(message) {
      const { server, state, error } = message as CaTrace["circuit"]
      say(`circuit to ${server}: ${state}${error === undefined ? "" : `, ${error.message}`}`)
    },
    channel(message) {
      const { name: which, state, server } = message as CaTrace["channel"]
      if (which === name) say(`channel: ${state}${server === undefined ? "" : ` at ${server}`}`)
    },
    problem(message) {
      const { what, server } = message as CaTrace["problem"]
      say(`${what}${server === undefined ? "" : ` (${server})`}`)
    },
  }
  for (const [kind, listener] of Object.entries(listeners)) subscribe(`node-epics-ca:${kind}`, listener)
  return () => {
    for (const [kind, listener] of Object.entries(listeners)) unsubscribe(`node-epics-ca:${kind}`, listener)
  }
}

/** What usually is behind it. */
function advice(error: unknown, client: CaClient): string[] {
  if (!(error instanceof CaError)) return []
  const { addressList, nameServers } = client.settings
  if (error.code === "NOT_FOUND") {
    const lines = [
      "is the name spelled as the IOC has it (upper and lower case matter), and is the IOC running?",
    ]
    if (addressList.length === 0 && nameServers.length === 0) {
      lines.push("set EPICS_CA_ADDR_LIST or EPICS_CA_NAME_SERVERS: now nobody is asked")
    }
    if (addressList.length > 0) {
      lines.push(
        "broadcasts stay in their subnet, and firewalls may drop them: name the IOC or its gateway in EPICS_CA_ADDR_LIST",
        "of several IOCs on one host only one hears a unicast search: use the host's broadcast address, or EPICS_CA_NAME_SERVERS",
        "from containers and through VPNs only TCP works as a rule: use EPICS_CA_NAME_SERVERS",
      )
    }
    return lines
  }
  if (error.code === "TIMEOUT") {
    return ["the search was answered, so the server lives: does a firewall let TCP through to its port?"]
  }
  return error.code === "NO_ACCESS" ? ["the IOC's access security does not let this user or host in"] : []
}
