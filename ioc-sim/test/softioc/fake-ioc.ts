/** A program that behaves, or misbehaves, as an IOC does while it starts. */
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { vi } from "vitest"

const program = `#!${process.execPath}
const { createServer } = require("node:net")
const say = line => process.stderr.write(line + "\\n")
const { FAKE_IOC: mode, EPICS_CAS_SERVER_PORT: ca, EPICS_PVAS_SERVER_PORT: pva } = process.env
process.stdin.on("end", () => process.exit(0)).on("data", text => say("shell: " + text)).resume()
say("arguments: " + process.argv.slice(2).join(" "))
say("interfaces: " + process.env.EPICS_CAS_INTF_ADDR_LIST + " " + process.env.EPICS_PVAS_INTF_ADDR_LIST)
if (mode === "ends") { say("no such file"); process.exit(3) }
if (mode === "refuses") say("Failed to load 'x.db'")
if (mode === "port taken") say("cas WARNING: Configured TCP port was unavailable.")
if (mode === "silent") setInterval(() => {}, 1000)
else if (mode !== "refuses") {
  const listen = port => new Promise(done => createServer(s => s.destroy()).listen(Number(port), "127.0.0.1", done))
  Promise.all([listen(ca), listen(pva)]).then(() => say("iocRun: All initialization complete"))
}
`

/** Puts the program on the PATH as `softIocPVX` and takes real Python environments out of sight. */
export async function fakeIoc(mode: string): Promise<AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), "ophyd-ts-fake-ioc-"))
  const file = join(folder, "softIocPVX")
  await writeFile(file, program)
  await chmod(file, 0o755)
  vi.stubEnv("PATH", `${folder}${delimiter}${process.env["PATH"]}`)
  vi.stubEnv("OPHYD_TS_VENV", join(folder, "no-venv"))
  vi.stubEnv("FAKE_IOC", mode)
  return {
    [Symbol.asyncDispose]: async () => {
      vi.unstubAllEnvs()
      await rm(folder, { recursive: true })
    },
  }
}
