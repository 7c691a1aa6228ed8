/** Through p4p's gateway, as facilities have it between their networks: it is a client of our server, and a server to our client. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import {
  create,
  ndArray,
  ntNdArray,
  ntScalar,
  ntUri,
  PvaClient,
  PvaServer,
  plain,
  readNdArray,
  readQuery,
  SharedPv,
  structure,
  t,
} from "pvxs-node"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { freePort } from "../ioc-sim/src/softioc/ports.ts"
import { peers } from "./peers.ts"

const double = ntScalar("double")
const wait = 20_000

describe.skipIf(!peers().p4p)("our client, a p4p gateway, and our server", () => {
  const pv = SharedPv.mailbox(double, { value: 1.5 })
  const image = new SharedPv(ntNdArray)
  let server: PvaServer
  let client: PvaClient
  let stop: () => Promise<void>
  const opened = async (port: number, broadcastPort: number): Promise<PvaServer> => {
    const fresh = await PvaServer.open({
      interfaces: ["127.0.0.1"],
      port,
      broadcastPort,
      autoBeaconAddressList: false,
      env: {},
    })
    const sum = structure("", { value: t.double })
    const onRpc = (argument: Parameters<typeof readQuery>[0]): object => {
      const { a, b } = readQuery(argument)
      return create(sum, { value: Number(a) + Number(b) })
    }
    fresh.add("x", pv)
    fresh.add("ro", new SharedPv(double))
    fresh.add("image", image)
    fresh.add("sum", new SharedPv(structure("", {}), { onRpc }))
    return fresh
  }
  const upstream = { port: 0, search: 0 }

  beforeAll(async () => {
    const [search, port, gateway, gatewaySearch] = await Promise.all([1, 2, 3, 4].map(() => freePort()))
    Object.assign(upstream, { port, search })
    server = await opened(port!, search!)
    const folder = await mkdtemp(join(tmpdir(), "ophyd-ts-gateway-"))
    const file = join(folder, "gateway.json")
    const configuration = {
      version: 2,
      readOnly: false,
      clients: [
        { name: "up", provider: "pva", addrlist: "127.0.0.1", autoaddrlist: false, bcastport: search },
      ],
      servers: [
        {
          name: "down",
          clients: ["up"],
          interface: ["127.0.0.1"],
          addrlist: "127.0.0.1",
          autoaddrlist: false,
          serverport: gateway,
          bcastport: gatewaySearch,
        },
      ],
    }
    await writeFile(file, JSON.stringify(configuration))
    const child = spawn(join(dirname(peers().python!), "pvagw"), [file], { stdio: "ignore" })
    stop = async () => {
      const gone = once(child, "exit")
      child.kill("SIGKILL")
      await gone
      await rm(folder, { recursive: true })
    }
    client = new PvaClient({
      addressList: [],
      autoAddressList: false,
      nameServers: [`127.0.0.1:${gateway}`],
      env: {},
      timeout: 30,
    })
  })
  afterAll(async () => {
    await client?.close()
    await stop?.()
    await server?.close()
  })

  it("read, write, refuse and call", async () => {
    expect((await client.get("x", { type: double })).value).toBe(1.5)
    await client.put("x", 2.5)
    expect(pv.value.value).toBe(2.5)
    await expect(client.put("ro", 1)).rejects.toMatchObject({ code: "PVA_REFUSED" })
    expect(plain(await client.rpc("sum", ntUri("sum", { a: 1, b: 2 })))).toEqual({ value: 3 })
    expect(await client.info("x")).toMatchObject({ id: "epics:nt/NTScalar:1.0" })
  })

  it("carry updates and images, with a pipeline and without", async () => {
    for (const options of [{}, { pipeline: true, queueSize: 8 }] as const) {
      await using monitor = client.monitor("image", { type: ntNdArray, ...options })
      const updates = monitor[Symbol.asyncIterator]()
      await updates.next()
      for (let id = 1; id <= 20; id++) {
        image.post(ndArray({ data: new Uint16Array(40_000).fill(id), shape: [200, 200], uniqueId: id }))
        await vi.waitFor(async () => {
          const { value: update } = await updates.next()
          expect(readNdArray(update?.value)).toMatchObject({ uniqueId: id })
        }, wait)
        expect(readNdArray(monitor.latest)?.data[39_999]).toBe(id)
      }
    }
  })

  it("tell of the loss of the server behind, and of its return", async () => {
    await using monitor = client.monitor("x", { type: double })
    const events: string[] = []
    monitor.on("connected", () => events.push("connected"))
    monitor.on("disconnected", () => events.push("disconnected"))
    await vi.waitFor(() => expect(monitor.latest?.value).toBe(2.5), wait)
    await server.close()
    await vi.waitFor(() => expect(events).toEqual(["connected", "disconnected"]), wait)
    server = await opened(upstream.port, upstream.search)
    pv.post({ value: 9 })
    await vi.waitFor(() => expect(monitor.latest?.value).toBe(9), 50_000)
  })
})
