import { readFileSync } from "node:fs"
import https from "node:https"
import type { AddressInfo } from "node:net"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { DmClient, type DmSettings, dmConfig } from "../src/index.ts"

const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url))
const server = https.createServer(
  { cert: readFileSync(fixture("localhost.cert.pem")), key: readFileSync(fixture("localhost.key.pem")) },
  (_, response) => {
    response.setHeader("Set-Cookie", "session_id=1")
    response.end("[]")
  },
)

beforeAll(() => new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve)))
afterAll(() => new Promise(resolve => server.close(resolve)))

const list = async (settings: DmSettings) => {
  const daq = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  await using dm = new DmClient(dmConfig.from({ urls: { daq }, username: "u", password: "p", ...settings }))
  return await dm.daq.listDaqs()
}

describe("a service with a certificate of its own making", () => {
  it("is refused by default, and the error names the way out", async () => {
    await expect(list({})).rejects.toThrow(/certificate is not trusted .*caFile/)
  })

  it("is trusted by its authority's file", async () => {
    expect(await list({ caFile: fixture("localhost.cert.pem") })).toEqual([])
  })

  it("is trusted without check only when that is written out, and it is announced once", async () => {
    const warnings: string[] = []
    const listen = (warning: Error & { code?: string }) => warnings.push(warning.code ?? "")
    process.on("warning", listen)
    expect(await list({ insecure: true })).toEqual([])
    expect(await list({ insecure: true })).toEqual([])
    await expect.poll(() => warnings).toEqual(["DM_INSECURE"])
    process.off("warning", listen)
  })

  it("is not looked for when the authority's file cannot be read", async () => {
    await expect(list({ caFile: "/nowhere/ca.pem" })).rejects.toThrow(
      "cannot read the CA file /nowhere/ca.pem",
    )
  })
})
