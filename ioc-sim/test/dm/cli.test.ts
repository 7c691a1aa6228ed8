import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { DmClient, dmConfig } from "@ophyd-ts/aps-dm"
import { describe, expect, it, onTestFinished, vi } from "vitest"

const program = fileURLToPath(new URL("../../src/cli/dm-sim.ts", import.meta.url))

function start(...args: string[]) {
  const child = spawn(process.execPath, [
    "--import",
    "tsx",
    "--conditions=@ophyd-ts/source",
    program,
    ...args,
  ])
  onTestFinished(() => void child.kill("SIGKILL"))
  let errors = ""
  child.stderr.on("data", chunk => {
    errors += chunk
  })
  const ended = new Promise<{ code: number | null; errors: string }>(resolve =>
    child.once("close", code => resolve({ code, errors })),
  )
  return { child, ended, lines: createInterface({ input: child.stdout }) }
}

describe("npm run dm-sim", () => {
  it.each(["SIGINT", "SIGHUP"] as const)(
    "prints the variables of a working service, and ends on %s without a trace",
    async signal => {
      const { child, ended, lines } = start("--experiment", "my-1", "--experiment", "my-2", "--tls")
      const environment: Record<string, string> = {}
      let caFile = ""
      for await (const line of lines) {
        const [, name, value] = /^export (\w+)=(.*)$/.exec(line) ?? []
        if (name !== undefined && value !== undefined) environment[name] = value
        caFile = /caFile\): (.*)$/.exec(line)?.[1] ?? caFile
        if (line.includes("Ctrl-C")) break
      }
      await using client = new DmClient(dmConfig.fromEnvironment({ caFile }, environment))
      expect((await client.ds.getExperimentsByStation()).map(e => e.name)).toEqual(["my-2", "my-1"])
      expect((await client.proc.listWorkflows(client.username)).map(w => w.name)).toEqual(["centre-of-mass"])
      expect(existsSync(environment["DM_LOGIN_FILE"] ?? "")).toBe(true)
      child.kill(signal)
      expect(await ended).toEqual({ code: 0, errors: "" })
      expect(existsSync(environment["DM_LOGIN_FILE"] ?? "")).toBe(false)
    },
    60_000,
  )

  it.each([
    [["--port", "none"], '--port: "none" is not a whole number'],
    [["--session", "long"], '--session: "long" is not a whole number'],
    [["--prot", "1"], "Unknown option '--prot'"],
    [["--experiment", "a b"], 'holds the character " "'],
    [["--data", program], `data root ${program} cannot be made: EEXIST`],
    // Where nobody can make anything, and Node's own `recursive` never ends.
    ...(process.platform === "linux" ? [[["--data", "/proc/a/b"], "/proc/a/b cannot be made: ENOENT"]] : []),
  ] as [string[], string][])(
    "says what is wrong with %j",
    async (args, message) => {
      const folder = mkdtempSync(join(tmpdir(), "dm-sim-cli-"))
      onTestFinished(() => rmSync(folder, { recursive: true }))
      vi.stubEnv("TMPDIR", folder)
      const { code, errors } = await start(...args).ended
      vi.unstubAllEnvs()
      expect(code).toBe(2)
      expect(errors).toContain(message)
      expect(readdirSync(folder).filter(name => name.startsWith("ophyd-ts-dm-"))).toEqual([])
    },
    60_000,
  )
})
