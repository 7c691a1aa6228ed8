import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type ContainerIoc, startContainerBeamline, startContainerIoc } from "@ophyd-ts/ioc-sim"
import { CaClient } from "node-epics-ca"
import { PvaClient } from "pvxs-node"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { containerEngine } from "../ioc-sim/src/container/engine.ts"
import { containerBase } from "../ioc-sim/src/container/image.ts"
import { peers, python } from "./peers.ts"

const prefix = (): string => `t${Math.random().toString(36).slice(2, 8)}:`

const caget = `
import epics, json, sys
print(json.dumps(epics.caget(sys.argv[1], timeout=20, connection_timeout=20)))`
const pvaget = `
import json, sys
from p4p.client.thread import Context
print(json.dumps(float(Context("pva").get(sys.argv[1], timeout=20))))`

/** What the engine knows of the containers with this image. */
async function containersOf(image: string) {
  const { client } = await containerEngine()
  const all = await client.container.list()
  const ours = all.filter(each => each.Image === image)
  return Promise.all(ours.map(({ Id }) => client.container.inspect(client.container.getById(Id))))
}

describe.skipIf(!peers().container)("a genuine IOC in a container", { timeout: 180_000 }, () => {
  let ioc: ContainerIoc
  let ca: CaClient
  let pva: PvaClient
  const P = prefix()

  // Making the image takes its time once.
  beforeAll(async () => {
    ioc = await startContainerBeamline({ prefix: P })
    ca = new CaClient(ioc.clientConfig().ca)
    pva = new PvaClient(ioc.clientConfig().pva)
  }, 600_000)
  afterAll(async () => {
    await ca?.close()
    await pva?.close()
    await ioc?.close()
  })

  it("serves the beamline over both protocols to clients that know its name servers only", async () => {
    expect(ioc.clientConfig().ca.nameServers).toEqual([`127.0.0.1:${ioc.ports.ca}`])
    expect((await ca.get(`${P}ring:Current`)).value).toBeGreaterThan(90)
    await ca.put(`${P}m1`, 0.5, { completion: true })
    await ca.put(`${P}det:Acquire`, 1, { completion: true })
    expect((await ca.get(`${P}det:Counts`)).value).toBeGreaterThan(1000)
    expect(await pva.get(`${P}stage`)).toMatchObject({ m1: { value: 0.5 }, m2: { value: 0 } })
    expect((await ca.get(`${P}busy.RTYP`, { type: "string" })).value).toBe("busy")
  })

  it.skipIf(!peers().pyepics || !peers().p4p)("libca and pvxs find it the same way", async () => {
    const env = ioc.clientEnvironment()
    await ca.put(`${P}m2`, -1.25, { completion: true })
    const asked = [caget, pvaget].map(script => python(script, { env, args: [`${P}m2.RBV`] }))
    expect(await Promise.all(asked)).toEqual([[-1.25], [-1.25]])
  })

  it("runs as nobody in particular, on loopback, and is found healthy by the engine", async () => {
    await vi.waitFor(
      async () => {
        const [found] = await containersOf(ioc.name)
        expect(found?.Config.User).toBe("65532:65532")
        const mapped = [ioc.ports.ca, ioc.ports.pva].map(String)
        expect(found?.HostConfig.PortBindings).toEqual(
          Object.fromEntries(mapped.map(port => [`${port}/tcp`, [{ HostIp: "127.0.0.1", HostPort: port }]])),
        )
        expect(found?.State.Health?.Status).toBe("healthy")
      },
      { timeout: 90_000, interval: 500 },
    )
  })

  it("comes back on the same ports with the values of its database, and clients find it again", async () => {
    await ca.put(`${P}det:AcquireTime`, 0.3)
    const { ports } = ioc
    await ioc.restart()
    expect(ioc.ports).toEqual(ports)
    await vi.waitFor(async () => expect((await ca.get(`${P}det:AcquireTime`)).value).toBe(0.1), {
      timeout: 60_000,
      interval: 100,
    })
  })

  it("hangs while it is frozen, and answers once it is thawed", async () => {
    await ioc.freeze()
    await expect(ca.get(`${P}m1.RBV`, { timeout: 0.5 })).rejects.toThrow()
    await expect(ioc.freeze()).rejects.toMatchObject({ code: "container-failed" })
    await ioc.thaw()
    expect((await ca.get(`${P}m1.RBV`, { timeout: 30 })).value).toEqual(expect.any(Number))
  })

  it("serves databases of the caller's beside another one, and leaves nothing behind", async () => {
    const folder = await mkdtemp(join(tmpdir(), "ophyd-ts-container-"))
    const file = join(folder, "own.db")
    await writeFile(file, 'record(ao, "$(P)x") { field(VAL, "$(X)") field(PINI, "YES") }')
    const before = (await containersOf(ioc.name)).length
    {
      const text = 'record(stringin, "$(P)name") { field(VAL, "of the text") field(PINI, "YES") }'
      await using own = await startContainerIoc({ database: file, text, macros: { P, X: "2.5" } })
      await using client = new CaClient(own.clientConfig().ca)
      expect((await client.get(`${P}x`)).value).toBe(2.5)
      expect((await client.get(`${P}name`)).value).toBe("of the text")
      expect(await containersOf(ioc.name)).toHaveLength(before + 1)
    }
    expect(await containersOf(ioc.name)).toHaveLength(before)
    await rm(folder, { recursive: true })
  })

  it("is closed without a complaint when somebody else has removed it", async () => {
    await using own = await startContainerIoc({ text: "" })
    const { client } = await containerEngine()
    const all = await client.container.list()
    const ours = all.find(each => each.Ports.some(({ PublicPort }) => PublicPort === own.ports.ca))
    await client.container.getById(ours?.Id ?? "").remove({ force: true })
    await expect(own.restart()).rejects.toMatchObject({ code: "container-failed" })
    await own.close()
  })

  it("does not take another port than the chosen one when that is taken", async () => {
    const before = (await containersOf(ioc.name)).length
    await expect(startContainerIoc({ ports: ioc.ports })).rejects.toMatchObject({
      code: "port-taken",
      message: expect.stringMatching(`${ioc.ports.ca}|${ioc.ports.pva}`),
    })
    // One of the two is enough to be in the way; with the other one free to choose it is tried a few times.
    await expect(startContainerIoc({ ports: { pva: ioc.ports.pva } })).rejects.toMatchObject({
      code: "port-taken",
    })
    expect(await containersOf(ioc.name)).toHaveLength(before)
  })

  it("that cannot load its database is an error with the IOC's own words, and no container", async () => {
    const before = (await containersOf(ioc.name)).length
    await expect(startContainerIoc({ text: 'record(noSuchType, "x") {}' })).rejects.toMatchObject({
      code: "container-failed",
      message: expect.stringMatching(/the database was refused[\s\S]*noSuchType/),
    })
    expect(await containersOf(ioc.name)).toHaveLength(before)
  })

  it("whose image cannot be made is an error with what pip has printed", async () => {
    const { client } = await containerEngine()
    const [repo, tag] = ["ophyd-ts-test", prefix().slice(0, -1)] as const
    await client.container.dockerode.getImage(containerBase()).tag({ repo, tag })
    vi.stubEnv("PIP_INDEX_URL", "nowhere://index")
    try {
      await expect(startContainerIoc({ base: `${repo}:${tag}` })).rejects.toMatchObject({
        code: "container-image-failed",
        message: expect.stringMatching(/could not make the image .* from ophyd-ts-test[\s\S]*epicscorelibs/),
      })
    } finally {
      vi.unstubAllEnvs()
      await client.container.dockerode.getImage(`${repo}:${tag}`).remove()
    }
  })
})
