import { CaClient, CaServer } from "node-epics-ca"
import { field, PvaClient, readAlarm, readDisplay } from "pvxs-node"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { type EmbeddedBeamline, startBeamline } from "../../src/index.ts"

const patience = { timeout: 15_000, interval: 10 }
const randomPrefix = (): string => `t${Math.random().toString(36).slice(2, 8)}:`

describe("the embedded IOC", () => {
  const prefix = randomPrefix()
  let ioc: EmbeddedBeamline
  let client: CaClient

  beforeAll(async () => {
    ioc = await startBeamline({ prefix })
    client = new CaClient(ioc.clientConfig().ca)
  })
  afterAll(async () => {
    await client?.close()
    await ioc?.close()
  })
  const pv = (name: string): string => prefix + name
  const value = async (name: string): Promise<unknown> => (await client.get(pv(name))).value

  it("serves every PV that it lists", async () => {
    expect(ioc.pvNames.length).toBeGreaterThan(200)
    const readings = await client.get(ioc.pvNames, { timeout: 20 })
    expect(readings).toHaveLength(ioc.pvNames.length)
  })

  it("serves the value of a record under its name and under .VAL", async () => {
    await client.put(pv("m3.VAL"), 9, { completion: true })
    expect([await value("m3"), await value("m3.VAL"), await value("m3.RBV")]).toEqual([9, 9, 9])
  })

  it("serves units, digits, limits and texts, and tells of new ones", async () => {
    const motor = await client.get(pv("m2"), { metadata: true })
    expect(motor.metadata).toMatchObject({
      units: "mm",
      precision: 4,
      lowerControlLimit: -25,
      upperControlLimit: 25,
    })
    const velocity = await client.get(pv("m2.VELO"), { metadata: true })
    expect(velocity.metadata).toMatchObject({ units: "mm/sec" })
    const menu = await client.get(pv("m2.SPMG"), { metadata: true })
    expect(menu.metadata?.enumStrings).toEqual(["Stop", "Pause", "Move", "Go"])
    await client.put(pv("m2.EGU"), "um", { completion: true })
    await client.put(pv("m2.HLM"), 5, { completion: true })
    const changed = await client.get(pv("m2"), { metadata: true })
    expect(changed.metadata).toMatchObject({ units: "um", upperControlLimit: 5 })
    expect(await value("m2.DHLM")).toBe(5)
  })

  it("pulses DMOV once for each move, and a put with completion ends after the pulse", async () => {
    const seen: unknown[] = []
    const monitor = client.monitor(pv("m1.DMOV"), {
      all: 100,
      onUpdate: reading => void seen.push(reading.value),
    })
    await vi.waitFor(() => expect(seen).toEqual([1]), patience)
    for (const target of [0.5, 0.5, 0]) await client.put(pv("m1"), target, { completion: true })
    await vi.waitFor(() => expect(seen).toEqual([1, 0, 1, 0, 1, 0, 1]), patience)
    monitor.close()
  })

  it.each([
    ["m1.RBV", 3, "NO_ACCESS"],
    ["m1.VELO", 0, "REMOTE"],
    ["det:Counts", 3, "NO_ACCESS"],
  ])("refuses to write %s", async (name, wrong, code) => {
    await expect(client.put(pv(name), wrong, { completion: true })).rejects.toMatchObject({ code })
  })

  it("takes an exposure whose put completes when the counts can be read", async () => {
    await client.put(pv("det:AcquireTime"), 0.05, { completion: true })
    await client.put(pv("det:Acquire"), "Acquire", { completion: true })
    expect(await value("det:Monitor")).toBeGreaterThan(9000)
    expect(await value("det:Acquire")).toBe(0)
  })

  it("moves with a stuck motor end as missed, and a hung one is ended by STOP", async () => {
    ioc.setFault("m3", "stuck")
    await client.put(pv("m3"), 10, { completion: true })
    expect([await value("m3.MISS"), await value("m3.RBV")]).toEqual([1, 9])
    ioc.setFault("m3", "hung")
    const move = client.put(pv("m3"), 11, { completion: true })
    await vi.waitFor(async () => expect(await value("m3.DMOV")).toBe(0), patience)
    await client.put(pv("m3.STOP"), 1)
    await move
    ioc.setFault("m3", undefined)
  })

  it("takes a PV away and brings it back; clients are told, and find it again", async () => {
    const channel = client.channel(pv("ring:Current"))
    const states: string[] = []
    await channel.get()
    channel.events.on("connected", () => states.push("connected"))
    channel.events.on("disconnected", () => states.push("disconnected"))
    ioc.disconnect(pv("ring:Current"))
    await vi.waitFor(() => expect(states).toEqual(["disconnected"]), patience)
    ioc.reconnect(pv("ring:Current"))
    await vi.waitFor(() => expect(states).toEqual(["disconnected", "connected"]), patience)
    channel.close()
    expect(() => ioc.disconnect("no:such:pv")).toThrow("serves no PV no:such:pv")
    expect(() => ioc.reconnect(pv("m1"))).toThrow("was not disconnected")
  })
})

describe("the embedded IOC over pvAccess", () => {
  const prefix = randomPrefix()
  let ioc: EmbeddedBeamline
  let client: PvaClient

  beforeAll(async () => {
    ioc = await startBeamline({ prefix })
    client = new PvaClient(ioc.clientConfig().pva)
  })
  afterAll(async () => {
    await client?.close()
    await ioc?.close()
  })
  const value = async (name: string): Promise<unknown> => field(await client.get(prefix + name), "value")

  it("serves the same PVs as over Channel Access, with what describes them", async () => {
    const values = await Promise.all(ioc.pvNames.map(name => client.get(name, { timeout: 20 })))
    expect(values.every(seen => field(seen, "value") !== undefined)).toBe(true)
    expect([await value("m1.VAL"), await value("m1.RTYP"), await value("m1.DMOV")]).toEqual([0, "motor", 1])
    const motor = await client.get(`${prefix}m1`)
    expect(readDisplay(motor)).toEqual({
      description: "sample x",
      units: "mm",
      precision: 4,
      limitLow: -25,
      limitHigh: 25,
    })
    const menu = await client.get(`${prefix}m1.SPMG`)
    expect(field(menu, "value", "choices")).toEqual(["Stop", "Pause", "Move", "Go"])
  })

  it("a put that blocks ends with the move; one that does not, at once", async () => {
    await client.put(`${prefix}m1`, 1, { request: "record[block=true]" })
    expect(await value("m1.RBV")).toBe(1)
    await client.put(`${prefix}m1`, 0)
    expect(await value("m1.DMOV")).toBe(0)
    await vi.waitFor(async () => expect(await value("m1.DMOV")).toBe(1), patience)
  })

  it("what one protocol writes the other sees", async () => {
    await using ca = new CaClient(ioc.clientConfig().ca)
    await client.put(`${prefix}m2.VELO`, 2.5)
    expect((await ca.get(`${prefix}m2.VELO`)).value).toBe(2.5)
    await ca.put(`${prefix}m2.EGU`, "um", { completion: true })
    expect(readDisplay(await client.get(`${prefix}m2`))?.units).toBe("um")
  })

  it("tells of alarms and refuses what the record refuses", async () => {
    await client.put(`${prefix}m3.DLLM`, 0)
    await client.put(`${prefix}m3.DHLM`, 0)
    await client.put(`${prefix}m3.VELO`, 1000)
    await client.put(`${prefix}m3`, 200, { request: "record[block=true]" })
    expect(readAlarm(await client.get(`${prefix}m3.RBV`))).toEqual({
      severity: 2,
      status: 3,
      message: "HIGH",
    })
    await expect(client.put(`${prefix}m1.RBV`, 1)).rejects.toThrow("read-only")
    await expect(client.put(`${prefix}m1.VELO`, 0)).rejects.toThrow("0 is not above 0")
  })

  it("takes a PV away and brings it back as it is by then", async () => {
    const name = `${prefix}shutter:Position_RBV`
    await client.get(name)
    ioc.disconnect(name)
    await expect(client.get(name, { timeout: 0.3 })).rejects.toThrow()
    await client.put(`${prefix}shutter:Request`, 0, { request: "record[block=true]" })
    ioc.reconnect(name)
    expect(field(await client.get(name, { timeout: 15 }), "value", "index")).toBe(0)
  })
})

describe("two embedded IOCs", () => {
  it("do not hear each other's clients", async () => {
    const prefix = randomPrefix()
    await using one = await startBeamline({ prefix })
    await using two = await startBeamline({ prefix })
    await using first = new CaClient(one.clientConfig().ca)
    await using second = new CaClient(two.clientConfig().ca)
    await first.put(`${prefix}m1`, 1, { completion: true })
    expect((await first.get(`${prefix}m1.RBV`)).value).toBe(1)
    expect((await second.get(`${prefix}m1.RBV`)).value).toBe(0)
  })

  it("count the same with the same seed", async () => {
    const exposures = async (seed: number): Promise<unknown[]> => {
      await using ioc = await startBeamline({ prefix: "t:", seed })
      await using client = new CaClient(ioc.clientConfig().ca)
      const counts: unknown[] = []
      await client.put("t:shutter:Request", "Close", { completion: true })
      await client.put("t:det:DarkRate", 1e5, { completion: true })
      for (let i = 0; i < 3; i++) {
        await client.put("t:det:AcquireTime", 0.02, { completion: true })
        await client.put("t:det:Acquire", 1, { completion: true })
        counts.push((await client.get("t:det:Counts")).value)
      }
      return counts
    }
    const [a, b, c] = await Promise.all([exposures(3), exposures(3), exposures(4)])
    expect(a).toEqual(b)
    expect(a).not.toEqual(c)
  })

  it("end their clients' waiting when they close", async () => {
    const ioc = await startBeamline({ prefix: "t:" })
    await using client = new CaClient(ioc.clientConfig().ca)
    await client.get("t:m1")
    const move = client.put("t:m1", 20, { completion: true })
    const outcome = expect(move).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN" })
    await vi.waitFor(async () => expect((await client.get("t:m1.DMOV")).value).toBe(0), patience)
    await ioc.close()
    await outcome
  })
})

describe("a restart of the embedded IOC", () => {
  it("breaks connections and begins anew on the same ports; clients of both protocols find their PVs again", async () => {
    const prefix = randomPrefix()
    await using ioc = await startBeamline({ prefix })
    await using ca = new CaClient(ioc.clientConfig().ca)
    await using pva = new PvaClient(ioc.clientConfig().pva)
    await ca.put(`${prefix}m1.VELO`, 7, { completion: true })
    const move = ca.put(`${prefix}m2`, 20, { completion: true })
    move.catch(() => {})
    await vi.waitFor(async () => expect((await ca.get(`${prefix}m2.DMOV`)).value).toBe(0), patience)
    ioc.setFault("m3", "hung")
    ioc.disconnect(`${prefix}busy`)
    const { ports, beamline } = ioc
    await ioc.restart()
    await expect(move).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN" })
    expect([ioc.ports, ioc.beamline === beamline]).toEqual([ports, false])
    await vi.waitFor(async () => expect((await ca.get(`${prefix}m1.VELO`)).value).toBe(5), patience)
    expect((await ca.get([`${prefix}m2.RBV`, `${prefix}busy`])).map(({ value }) => value)).toEqual([0, 0])
    await vi.waitFor(async () => expect(field(await pva.get(`${prefix}m1.VELO`), "value")).toBe(5), patience)
    await ca.put(`${prefix}m3`, 1, { completion: true })
  })

  it("is down for as long as it is told, and fails when somebody else has taken its port", async () => {
    const prefix = randomPrefix()
    await using ioc = await startBeamline({ prefix })
    const restarted = ioc.restart(0.2)
    await using other = await vi.waitFor(() => CaServer.listen({ port: ioc.ports.ca }), patience)
    expect(other.port).toBe(ioc.ports.ca)
    await expect(restarted).rejects.toMatchObject({ code: "port-taken" })
  })
})

describe("the image of the embedded IOC", () => {
  it("can be taken away from its clients and brought back", async () => {
    const prefix = randomPrefix()
    await using ioc = await startBeamline({ prefix })
    await using client = new PvaClient(ioc.clientConfig().pva)
    const name = `${prefix}ad:Pva1:Image`
    const image = (): Promise<unknown> => client.get(name, { timeout: 0.3 })
    await image()
    ioc.disconnect(name)
    await expect(image()).rejects.toThrow()
    ioc.reconnect(name)
    await vi.waitFor(image, patience)
  })
})
