import { readFile } from "node:fs/promises"
import { createServer } from "node:net"
import { join } from "node:path"
import { describe, expect, it, vi } from "vitest"
import { startSoftBeamline, startSoftIoc } from "../../src/index.ts"
import { howToInstall } from "../../src/softioc/command.ts"
import { fakeIoc } from "./fake-ioc.ts"

const text = `record(ao, "$(P)x") {}`

// Every test starts processes; a loaded machine takes its time.
describe.skipIf(process.platform === "win32")("starting a genuine IOC", { timeout: 120_000 }, () => {
  it("waits until it says that it is up, on 127.0.0.1 alone, with its databases and macros", async () => {
    await using _ = await fakeIoc("works")
    await using ioc = await startSoftIoc({ database: "a.db", text, macros: { P: "x:", N: "1" } })
    expect(ioc.output).toMatch(/arguments: -m P=x:,N=1 -d \S*a\.db -d \S*text\.db/)
    expect(ioc.output).toContain("interfaces: 127.0.0.1 127.0.0.1")
    expect(ioc.clientConfig().ca).toEqual({
      nameServers: [`127.0.0.1:${ioc.ports.ca}`],
      addressList: [],
      autoAddressList: false,
    })
  })

  it("keeps its ports over a restart, and its shell hears commands", async () => {
    await using _ = await fakeIoc("works")
    await using ioc = await startSoftIoc({ text })
    const { pid, ports } = { pid: ioc.pid, ports: ioc.ports }
    await ioc.restart()
    expect(ioc.pid).not.toBe(pid)
    expect(ioc.ports).toEqual(ports)
    ioc.shell("dbl")
    await vi.waitFor(() => expect(ioc.output).toContain("shell: dbl"), 60_000)
  })

  it.skipIf(process.platform !== "linux")(
    "stands still while it is frozen, and can be killed then",
    async () => {
      await using _ = await fakeIoc("works")
      await using ioc = await startSoftIoc({ text })
      await ioc.freeze()
      expect(await readFile(`/proc/${ioc.pid}/stat`, "utf8")).toMatch(/\) T /)
      ioc.thaw()
      ioc.shell("dbl")
      await vi.waitFor(() => expect(ioc.output).toContain("shell: dbl"), 60_000)
      await ioc.freeze()
      await ioc.kill()
    },
  )

  it("leaves nothing behind: process and database text go with the scope", async () => {
    await using _ = await fakeIoc("works")
    const ioc = await startSoftIoc({ text })
    const { pid } = ioc
    const file = /-d (\S+text\.db)/.exec(ioc.output)?.[1] ?? ""
    expect(await readFile(file, "utf8")).toBe(text)
    await ioc[Symbol.asyncDispose]()
    expect(() => process.kill(pid ?? 0, 0)).toThrow()
    await expect(readFile(file)).rejects.toThrow()
    await ioc.kill()
  })

  it.each([
    ["ends", "softioc-failed", /exit status 3\) while starting[\s\S]*no such file/],
    ["refuses", "softioc-failed", /database was refused[\s\S]*Failed to load 'x\.db'/],
    ["silent", "softioc-failed", /not up after 0\.5 s/],
    ["port taken", "softioc-port-taken", /is in use/],
  ])("says what happened when the IOC %s", async (mode, code, message) => {
    await using _ = await fakeIoc(mode)
    const timeout = mode === "silent" ? 0.5 : 60
    await expect(startSoftIoc({ text, timeout })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    })
  })

  it("does not start on a chosen port that somebody else has", async () => {
    await using _ = await fakeIoc("works")
    const other = createServer().listen(0, "127.0.0.1")
    await new Promise(resolve => other.once("listening", resolve))
    const { port } = other.address() as { port: number }
    try {
      await expect(startSoftIoc({ text, ports: { ca: port } })).rejects.toMatchObject({
        code: expect.stringMatching(/softioc-(failed|port-taken)/),
      })
    } finally {
      other.close()
    }
  })

  it.each([
    [{ P: 'x"' }, /macro P: "x\\"" holds/],
    [{ "P=1,Q": "x" }, /macro name "P=1,Q" is no word/],
  ])("refuses macros that would be read as something else: %j", async (macros, message) => {
    await using _ = await fakeIoc("works")
    await expect(startSoftIoc({ text, macros })).rejects.toMatchObject({ code: "bad-argument", message })
  })

  it("names commands that a project has which installed the package, and no script of the repository", () => {
    const folder = join("/", "x", "node_modules", "@ophyd-ts", "ioc-sim")
    expect(howToInstall("/x/.venv", folder)).toMatch(
      /^`python3 -m venv \/x\/\.venv` and `\S+ -m pip install -r .*ioc-sim.python.requirements-softioc\.txt` make/,
    )
  })

  it("says what it looked for and how to get it when there is no IOC", async () => {
    vi.stubEnv("PATH", "")
    vi.stubEnv("OPHYD_TS_VENV", "/no/such/folder")
    try {
      await expect(startSoftIoc({ text })).rejects.toMatchObject({
        code: "softioc-not-found",
        message: expect.stringMatching(/softIocPVX on the PATH, .*\/no\/such\/folder; `npm run ioc:install`/),
      })
      await expect(startSoftIoc({ text, pva: false })).rejects.toThrow(
        /softIocPVX on the PATH, softIoc on the PATH/,
      )
    } finally {
      vi.unstubAllEnvs()
    }
  })

  it("a beamline with motors does not take an IOC that has no motor record", async () => {
    await using _ = await fakeIoc("works")
    await expect(startSoftBeamline()).rejects.toMatchObject({ code: "softioc-not-found" })
  })
})
