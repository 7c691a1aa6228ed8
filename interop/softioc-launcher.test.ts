import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { startSoftIoc } from "@ophyd-ts/ioc-sim"
import { describe, expect, it, vi } from "vitest"
import { peers, python, startPython } from "./peers.ts"

const text = `record(ao, "$(P)x") { field(VAL, "$(X=1.5)") field(PINI, "YES") }`
const prefix = (): string => `t${Math.random().toString(36).slice(2, 8)}:`

const caget = `
import epics, json, sys
print(json.dumps(epics.caget(sys.argv[1], timeout=20, connection_timeout=20)))`
const pvaget = `
import json, sys
from p4p.client.thread import Context
print(json.dumps(float(Context("pva").get(sys.argv[1], timeout=20))))`

describe.skipIf(!peers().softIoc || !peers().pyepics || !peers().p4p)("a genuine IOC", () => {
  it("serves records over Channel Access and pvAccess to clients that know only its name servers", async () => {
    const P = prefix()
    await using ioc = await startSoftIoc({ text, macros: { P, X: "2.5" } })
    const env = ioc.clientEnvironment()
    expect(await python(caget, { env, args: [`${P}x`] })).toEqual([2.5])
    expect(await python(pvaget, { env, args: [`${P}x`] })).toEqual([2.5])
  })

  it("comes back on the same ports with the values of its database", async () => {
    const P = prefix()
    await using ioc = await startSoftIoc({ text, macros: { P } })
    const { ports } = ioc
    const env = ioc.clientEnvironment()
    ioc.shell(`dbpf "${P}x" 7`)
    await vi.waitFor(async () => expect(await python(caget, { env, args: [`${P}x`] })).toEqual([7]), 30_000)
    await ioc.kill("SIGKILL")
    expect(ioc.pid).toBeUndefined()
    await ioc.restart()
    expect(ioc.ports).toEqual(ports)
    expect(await python(caget, { env, args: [`${P}x`] })).toEqual([1.5])
  })

  it("hangs while it is frozen and answers once it is thawed", async () => {
    const P = prefix()
    await using ioc = await startSoftIoc({ text, macros: { P } })
    const script = `
import epics, json, sys
pv = epics.PV(sys.argv[1]); assert pv.wait_for_connection(20)
print(json.dumps("connected"))
for line in sys.stdin:
    print(json.dumps(pv.get(timeout=json.loads(line), use_monitor=False)))`
    await using client = startPython<unknown>(script, { env: ioc.clientEnvironment(), args: [`${P}x`] })
    expect(await client.next()).toBe("connected")
    await ioc.freeze()
    client.send(0.3)
    expect(await client.next()).toBeNull()
    ioc.thaw()
    client.send(20)
    expect(await client.next()).toBe(1.5)
  })

  it("two at a time do not get into each other's way", async () => {
    const P = prefix()
    await using one = await startSoftIoc({ text, macros: { P, X: "1" } })
    await using two = await startSoftIoc({ text, macros: { P, X: "2" } })
    const seen = [one, two].map(ioc => python(caget, { env: ioc.clientEnvironment(), args: [`${P}x`] }))
    expect(await Promise.all(seen)).toEqual([[1], [2]])
  })

  it("a database that cannot be loaded is an error that shows what the IOC says", async () => {
    await expect(startSoftIoc({ text: `record(noSuchType, "x") {}` })).rejects.toMatchObject({
      code: "softioc-failed",
      message: expect.stringMatching(/database was refused[\s\S]*noSuchType/),
    })
  })

  it("a chosen port that is taken is an error, not another port", async () => {
    await using first = await startSoftIoc({ text, macros: { P: prefix() } })
    await expect(
      startSoftIoc({ text, macros: { P: prefix() }, ports: { ca: first.ports.ca, pva: first.ports.pva } }),
    ).rejects.toMatchObject({ code: "softioc-port-taken" })
  })

  it.skipIf(process.platform === "win32")(
    "an installation on the PATH is preferred to the wheels",
    async () => {
      const folder = await mkdtemp(join(tmpdir(), "ophyd-ts-path-"))
      const script = join(folder, "softIocPVX")
      await writeFile(script, `#!/bin/sh\nexec "${peers().python}" -m pvxslibs.ioc "$@"\n`)
      await chmod(script, 0o755)
      vi.stubEnv("PATH", `${folder}${delimiter}${process.env["PATH"]}`)
      try {
        const P = prefix()
        await using ioc = await startSoftIoc({ text, macros: { P } })
        expect(ioc.name).toBe("softIocPVX")
        expect(await python(caget, { env: ioc.clientEnvironment(), args: [`${P}x`] })).toEqual([1.5])
      } finally {
        vi.unstubAllEnvs()
        await rm(folder, { recursive: true })
      }
    },
  )
})
