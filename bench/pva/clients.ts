/** Who is measured: our client, those that a Python or Node user has, and a socket that looks at nothing. */
import { execFile } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { tsx } from "../ca/clients.ts"
import { answerSearches } from "./search.ts"

export type Client = "ours" | "p4p" | "epics-tca" | "a bare socket"

/** A server at 127.0.0.1, and what its clients need to know. */
export interface Server {
  /** TCP. */
  readonly port: number
  readonly environment: Readonly<Record<string, string>>
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const python = join(here("../../.venv"), process.platform === "win32" ? "Scripts/python.exe" : "bin/python")
const node = (script: string) => [process.execPath, ...tsx, here(script)] as const

const commands: Record<Client, readonly [string, ...string[]]> = {
  ours: node("./ours.ts"),
  p4p: [python, here("../peers/pva.py")],
  "epics-tca": node("../peers/pva-tca.ts"),
  "a bare socket": node("./ours.ts"),
}

/** Runs one measurement in a process of its own and returns what it prints; undefined when the client can not do it. */
export async function measure(
  client: Client,
  mode: string,
  prefix: string,
  { port, environment }: Server,
): Promise<unknown> {
  const [command, ...args] = commands[client]
  // Only epics-tca reads no name servers.
  await using search = client === "epics-tca" ? await answerSearches(port) : undefined
  const bySearch = { EPICS_PVA_ADDR_LIST: "127.0.0.1", EPICS_PVA_BROADCAST_PORT: String(search?.port) }
  try {
    const { stdout } = await promisify(execFile)(command, [...args, mode, prefix], {
      env: { ...process.env, ...environment, ...(search === undefined ? {} : bySearch) },
      timeout: client === "epics-tca" ? 40_000 : 120_000,
      killSignal: "SIGKILL",
    })
    return JSON.parse(stdout.trim().split("\n").at(-1) ?? "null")
  } catch (error) {
    const { killed, message } = error as Error & { killed?: boolean }
    const reason = /^\w*Error: .*/m.exec(message)?.[0] ?? message.split("\n").slice(0, 3).join(" ")
    console.error(`${client} ${mode}: ${killed ? "no result in time" : reason}`)
    return undefined
  }
}
