/**
 * Finds the peers once for all interop tests. What is missing is said in one line; with `INTEROP=require` it fails
 * the run, so that a broken installation can never look green.
 */
import { execFile, spawnSync } from "node:child_process"
import { promisify } from "node:util"
import type { TestProject } from "vitest/node"
import { containerEngine } from "../ioc-sim/src/container/engine.ts"
import { containerBase } from "../ioc-sim/src/container/image.ts"
import { softIocCommand } from "../ioc-sim/src/softioc/command.ts"
import { installedPython } from "../ioc-sim/src/softioc/python.ts"
import { natsServerCommand } from "./nats-server.ts"
import type { Peers } from "./peers.ts"

/** Name of each peer that is a Python module, and the module. */
const modules: Readonly<
  Record<Exclude<keyof Peers, "python" | "softIoc" | "natsServer" | "container">, string>
> = {
  pvxs: "pvxslibs",
  p4p: "p4p",
  caproto: "caproto",
  pyepics: "epics",
  aioca: "aioca",
  bluesky: "bluesky",
  ophyd: "ophyd",
  ophydAsync: "ophyd_async",
  eventModel: "event_model",
  dmax: "dmax",
  tiled: "bluesky_tiled_plugins",
  h5py: "h5py",
  tifffile: "tifffile",
  blueskyNats: "bluesky_nats",
}

export default async function setup(project: TestProject): Promise<void> {
  const python = installedPython()
  const found: Peers = {
    python,
    softIoc: hasSoftIoc(),
    natsServer: hasNatsServer(),
    container: await hasContainerBase(),
    ...(await findModules(python)),
  }
  project.provide("peers", found)

  const missing = Object.entries(found).flatMap(([name, here]) => (here ? [] : [name]))
  if (missing.length === 0) return
  const installed = missing.filter(name => name !== "natsServer" && name !== "container")
  const how = [
    ...(installed.length > 0 ? ["`npm run ioc:install -- --peers` gets the Python packages"] : []),
    ...(missing.includes("natsServer") ? ["the broker is `nats-server` of Debian, Homebrew or nats.io"] : []),
    ...(missing.includes("container")
      ? [`containers need a running Docker and \`docker pull ${containerBase()}\``]
      : []),
  ]
  const message = `interop: missing ${missing.join(", ")}; ${how.join("; ")}`
  if (process.env["INTEROP"] === "require") throw new Error(message)
  console.log(`${message}. Tests that need them are skipped.`)
}

async function findModules(python: string | undefined): Promise<Record<keyof typeof modules, boolean>> {
  const names = Object.values(modules)
  const script =
    "import importlib.util, json, sys\n" +
    "print(json.dumps([importlib.util.find_spec(m) is not None for m in sys.argv[1:]]))"
  const here =
    python === undefined
      ? []
      : await promisify(execFile)(python, ["-c", script, ...names]).then(
          ({ stdout }) => JSON.parse(stdout) as boolean[],
          () => [],
        )
  const entries = Object.keys(modules).map((name, index) => [name, here[index] ?? false])
  return Object.fromEntries(entries) as Record<keyof typeof modules, boolean>
}

/** Tests pull nothing, neither the image to build upon nor the one that testcontainers cleans up with: they do that. */
async function hasContainerBase(): Promise<boolean> {
  process.env["TESTCONTAINERS_RYUK_DISABLED"] ??= "true"
  try {
    const { client, testcontainers } = await containerEngine()
    return await client.image.exists(testcontainers.ImageName.fromString(containerBase()))
  } catch {
    return false
  }
}

function hasNatsServer(): boolean {
  const { status } = spawnSync(natsServerCommand, ["--version"], { stdio: "ignore" })
  return status === 0
}

function hasSoftIoc(): boolean {
  try {
    softIocCommand()
    return true
  } catch {
    return false
  }
}
