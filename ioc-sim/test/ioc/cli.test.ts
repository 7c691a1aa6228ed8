import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { CaClient, CaServer } from "node-epics-ca"
import { field, PvaClient } from "pvxs-node"
import { describe, expect, it, vi } from "vitest"

const program = fileURLToPath(new URL("../../src/cli/ioc.ts", import.meta.url))

/** Starts the program as the npm script does. */
function start(...args: string[]): {
  output: () => string
  ended: Promise<number | null>
  interrupt: () => void
} {
  const flags = ["--import", "tsx", "--conditions=@ophyd-ts/source"]
  const child = spawn(process.execPath, [...flags, program, ...args], { stdio: ["ignore", "pipe", "pipe"] })
  let printed = ""
  child.stdout.on("data", chunk => {
    printed += chunk
  })
  child.stderr.on("data", chunk => {
    printed += chunk
  })
  const ended = new Promise<number | null>(resolve => child.once("close", resolve))
  return { output: () => printed, ended, interrupt: () => child.kill("SIGINT") }
}

describe("npm run ioc", { timeout: 90_000 }, () => {
  it("says how to reach its PVs, serves them there, and ends with Ctrl-C", async () => {
    const ioc = start("--prefix", "cli:")
    try {
      await vi.waitFor(() => expect(ioc.output()).toContain("Ctrl-C ends it."), {
        timeout: 18_000,
        interval: 20,
      })
      const lines = ioc.output().matchAll(/^ *(?:export|set) (EPICS_(?:CA|PVA)_\w+)=(.*)$/gm)
      for (const [, name = "", value = ""] of lines) vi.stubEnv(name, value)
      expect(process.env["EPICS_CA_NAME_SERVERS"]).toMatch(/^127\.0\.0\.1:\d+$/)
      await using client = new CaClient()
      expect((await client.get("cli:m1.RTYP")).value).toBe("motor")
      await using pva = new PvaClient()
      expect(field(await pva.get("cli:m1.RTYP"), "value")).toBe("motor")
      expect(ioc.output()).toContain("cli:ad:HDF1:Capture")
      const structures = ["cli:ad:Pva1:Image", "cli:stage", "cli:det:Points"]
      for (const name of new Set(ioc.output().match(/cli:[\w:]+/g)))
        if (structures.includes(name)) await pva.get(name)
        else await client.get(name)
    } finally {
      vi.unstubAllEnvs()
      ioc.interrupt()
    }
    expect(await ioc.ended).toBe(0)
  })

  it.each([
    [["--port", "many"], '--port: "many" is not a whole number from 0 to 65535'],
    [["--port", "99999"], '--port: "99999" is not a whole number from 0 to 65535'],
    [["--seed", ""], '--seed: "" is not a whole number'],
    [["--colour", "red"], "--colour"],
  ])("refuses %j", async (args, message) => {
    const ioc = start(...args)
    expect(await ioc.ended).toBe(2)
    expect(ioc.output()).toContain(message)
    expect(ioc.output()).toContain("npm run ioc -- [--prefix sim:]")
  })

  it.each(["--port", "--pva-port"])(
    "says so when the port of %s is taken, and takes no other",
    async option => {
      await using other = await CaServer.listen()
      const ioc = start(option, String(other.port))
      expect(await ioc.ended).toBe(1)
      expect(ioc.output()).toMatch(
        new RegExp(`^cannot \\w+.* 127\\.0\\.0\\.1, TCP ${other.port}: .*(in use|taken)`),
      )
      expect(ioc.output()).not.toContain("npm run ioc")
    },
  )
})
