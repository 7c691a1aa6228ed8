/** Who is measured: our client, those that a Python or Node user has, and a socket that looks at nothing. */
import { execFile } from "node:child_process"
import { createRequire } from "node:module"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

export type Client = "ours" | "pyepics" | "aioca" | "epics-tca" | "caproto" | "bare socket"

/** A server, by the address of its TCP and UDP port, and a port that nobody uses. */
export interface Server {
  readonly port: number
  readonly unused: number
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
export const tsx = ["--import", "tsx", "--conditions=@ophyd-ts/source", "--expose-gc"]
const python = join(here("../../.venv"), process.platform === "win32" ? "Scripts/python.exe" : "bin/python")
const node = (script: string) => [process.execPath, ...tsx, here(script)] as const

const commands: Record<Client, readonly [string, ...string[]]> = {
  ours: node("./ours.ts"),
  pyepics: [python, here("../peers/ca.py"), "pyepics"],
  aioca: [python, here("../peers/ca.py"), "aioca"],
  "epics-tca": node("../peers/ca-tca.ts"),
  caproto: [python, here("../peers/ca_caproto.py")],
  "bare socket": node("./bare-socket.ts"),
}

/** They know no name servers. */
const byUdp: readonly Client[] = ["epics-tca", "caproto"]

function environment(client: Client, { port, unused }: Server): Record<string, string> {
  const udp = byUdp.includes(client)
  return {
    EPICS_CA_NAME_SERVERS: udp ? "" : `127.0.0.1:${port}`,
    EPICS_CA_ADDR_LIST: udp ? "127.0.0.1" : "",
    EPICS_CA_AUTO_ADDR_LIST: "NO",
    EPICS_CA_SERVER_PORT: String(port),
    // No client is to start a repeater of its own, or to find somebody else's.
    EPICS_CA_REPEATER_PORT: String(unused),
    EPICS_PVA_BROADCAST_PORT: String(unused),
  }
}

/** Runs one measurement in a process of its own and returns what it prints; undefined when the client can not do it. */
export async function measure(
  client: Client,
  mode: string,
  prefix: string,
  server: Server,
  seconds = 1,
): Promise<unknown> {
  const [command, ...args] = commands[client]
  try {
    const { stdout } = await promisify(execFile)(command, [...args, mode, prefix, String(seconds)], {
      env: { ...process.env, ...environment(client, server) },
      timeout: 40_000,
      killSignal: "SIGKILL",
    })
    return JSON.parse(stdout.trim().split("\n").at(-1) ?? "null")
  } catch (error) {
    const { killed, message } = error as Error & { killed?: boolean }
    const reason = killed ? "no result within 40 s" : message.split("\n").slice(0, 3).join(" ")
    console.error(`${client} ${mode}: ${reason}`)
    return undefined
  }
}

/** epics-tca is no dependency of this project: it is installed beside its script. Says so when that can not be done. */
export async function installTca(): Promise<boolean> {
  const folder = here("../peers/")
  const installed = (): boolean => {
    try {
      createRequire(join(folder, "package.json")).resolve("epics-tca")
      return true
    } catch {
      return false
    }
  }
  if (installed()) return true
  const npm = process.platform === "win32" ? "npm.cmd" : "npm"
  try {
    const flags = ["--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund", "--workspaces=false"]
    await promisify(execFile)(npm, ["install", ...flags], { cwd: folder, timeout: 120_000 })
  } catch (error) {
    const [line] = (error as Error).message.split("\n")
    console.error(`epics-tca is left out: it can not be installed in bench/peers (${line})`)
    return false
  }
  return installed()
}
