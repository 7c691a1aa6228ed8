import { CaClient } from "node-epics-ca"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { freePort } from "../ioc-sim/src/softioc/ports.ts"
import { type PythonScript, peers, startPython } from "./peers.ts"

/** An IOC of caproto, an implementation of its own: it prints its port once it listens. */
const ioc = `
import asyncio, json, sys
from caproto import ChannelData
from caproto.server import PVGroup, pvproperty
from caproto.asyncio.server import Context

class Group(PVGroup):
    number = pvproperty(value=1.5, precision=3, units="mm", upper_ctrl_limit=10.0, lower_ctrl_limit=-10.0)
    integer = pvproperty(value=-7)
    text = pvproperty(value="hello", dtype=str, report_as_string=True)
    label = pvproperty(value="off", enum_strings=["off", "on"], dtype=bool, record="bo")
    array = pvproperty(value=[1.0, 2.0, 3.0], max_length=200000)
    longs = pvproperty(value=[1, -2], max_length=10)
    chars = pvproperty(value="a long text in an array of characters", dtype=str, max_length=100)
    fixed = pvproperty(value=3, read_only=True)
    slow = pvproperty(value=0)

    @slow.putter
    async def slow(self, instance, value):
        await asyncio.sleep(0.3)
        return value

group = Group(prefix=sys.argv[1])

async def main():
    context = Context(group.pvdb, interfaces=["127.0.0.1"])
    async def say(async_lib):
        while context.port is None:
            await asyncio.sleep(0.01)
        print(json.dumps(context.port), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await context.run(startup_hook=say)

asyncio.run(main())
`

describe.skipIf(!peers().caproto)("our client against a caproto IOC", () => {
  const P = `t${Math.random().toString(36).slice(2, 8)}:`
  let script: PythonScript<number>
  let client: CaClient

  beforeAll(async () => {
    const env = {
      EPICS_CA_SERVER_PORT: String(await freePort()),
      EPICS_CAS_BEACON_ADDR_LIST: "127.0.0.1",
      EPICS_CAS_AUTO_BEACON_ADDR_LIST: "NO",
      EPICS_CAS_BEACON_PORT: String(await freePort()),
      EPICS_CA_ADDR_LIST: "127.0.0.1",
      EPICS_CA_AUTO_ADDR_LIST: "NO",
    }
    script = startPython<number>(ioc, { args: [P], env, timeout: 300 })
    const port = await script.next()
    // It answers searches by UDP only, at the port of its configuration.
    client = new CaClient({
      addressList: [`127.0.0.1:${env.EPICS_CA_SERVER_PORT}`],
      nameServers: [],
      autoAddressList: false,
      timeout: 20,
    })
    expect(port).toBeGreaterThan(0)
  })
  afterAll(async () => {
    await client?.close()
    await script?.[Symbol.asyncDispose]()
  })

  it("reads every kind of value, with metadata", async () => {
    const read = async (name: string) => (await client.get(P + name)).value
    expect(await read("integer")).toBe(-7)
    expect(await read("text")).toBe("hello")
    expect(await read("array")).toEqual(Float64Array.of(1, 2, 3))
    expect(await read("longs")).toEqual(Int32Array.of(1, -2))
    const number = await client.get(`${P}number`, { metadata: true })
    expect(number).toMatchObject({
      value: 1.5,
      metadata: { units: "mm", precision: 3, upperControlLimit: 10 },
    })
    const label = await client.get(`${P}label`, { metadata: true })
    expect(label.metadata?.enumStrings?.[label.value as number]).toBe("off")
    expect((await client.get(`${P}chars`, { text: true })).value).toBe(
      "a long text in an array of characters",
    )
  })

  it("writes, waits for completion, and is told what is refused", async () => {
    await client.put(`${P}number`, -2.25)
    expect((await client.get(`${P}number`)).value).toBe(-2.25)
    await client.put(`${P}label`, "on", { completion: true })
    expect((await client.get(`${P}label`, { type: "string" })).value).toBe("on")
    const started = performance.now()
    await client.put(`${P}slow`, 5, { completion: true })
    expect(performance.now() - started).toBeGreaterThan(290)
    await expect(client.put(`${P}fixed`, 1)).rejects.toMatchObject({ code: "NO_ACCESS" })
    const large = Float64Array.from({ length: 150_000 }, (_, i) => i / 3)
    await client.put(`${P}array`, large, { completion: true })
    const back = (await client.get(`${P}array`)).value as Float64Array
    expect(back.length).toBe(large.length)
    expect(back.every((value, i) => value === large[i])).toBe(true)
  })

  it("watches", async () => {
    const seen: unknown[] = []
    const monitor = client.monitor(`${P}integer`, { onUpdate: ({ value }) => void seen.push(value) })
    onTestFinished(() => monitor.close())
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual([-7])
    for (const value of [1, 2]) await client.put(`${P}integer`, value, { completion: true })
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual([-7, 1, 2])
  })
})
