import { describe, expect, it } from "vitest"
import { field, ntScalar, PvaClient, PvaServer, SharedPv } from "../../src/index.ts"

describe("a provider of PVs", () => {
  it("is asked for names that were not added, and its names are listed", async () => {
    await using server = await PvaServer.open({ isolated: true })
    const made = new Map<string, SharedPv>()
    server.provide({
      find: name => {
        if (!name.startsWith("made:")) return undefined
        const pv = made.get(name) ?? SharedPv.mailbox(ntScalar("int"), { value: name.length })
        made.set(name, pv as unknown as SharedPv)
        return pv as unknown as SharedPv
      },
      names: () => ["made:a"],
    })
    server.add("added", SharedPv.mailbox(ntScalar("int"), { value: 1 }))
    await using client = new PvaClient(server.clientConfig())
    expect(field(await client.get("made:abc"), "value")).toBe(8)
    await client.put("made:abc", 5)
    expect(field(await client.get("made:abc"), "value")).toBe(5)
    expect(field(await client.get("added"), "value")).toBe(1)
    expect(made.size).toBe(1)
    expect(server.names).toEqual(["added", "made:a"])
    made.get("made:abc")?.close()
    await expect(client.get("made:abc", { timeout: 0.2 })).rejects.toThrow()
  })

  it("that throws makes a warning, and the name is not found", async () => {
    await using server = await PvaServer.open({ isolated: true })
    const warned = new Promise(resolve => process.once("warning", resolve))
    server.provide({
      find: () => {
        throw new Error("no such thing")
      },
    })
    await using client = new PvaClient(server.clientConfig())
    await expect(client.get("any", { timeout: 0.2 })).rejects.toThrow()
    expect(String(await warned)).toContain("no such thing")
  })
})
