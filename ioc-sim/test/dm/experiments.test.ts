import { stat } from "node:fs/promises"
import { join } from "node:path"
import {
  AuthorizationError,
  InvalidArgument,
  InvalidRequest,
  ObjectAlreadyExists,
  ObjectNotFound,
} from "@ophyd-ts/aps-dm"
import { describe, expect, it } from "vitest"
import { startSim } from "./support.ts"

describe("experiments", () => {
  it("have real directories below the data root", async () => {
    const { dm, client } = await startSim({
      experiments: [{ name: "tomo-2026-1", rootPath: "2026-1", startDate: "01-Feb-26", users: ["d900001"] }],
    })
    const storageDirectory = join(dm.dataRoot, "255IDZ", "2026-1", "tomo-2026-1")
    const experiment = await client.ds.getExperimentByName("tomo-2026-1")
    expect(experiment).toMatchObject({
      id: 90001,
      name: "tomo-2026-1",
      stationName: "255IDZ",
      experimentStation: { name: "255IDZ" },
      experimentType: { name: "TEST" },
      experimentUsernameList: ["d900001"],
      storageDirectory,
      dataDirectory: join(storageDirectory, "data"),
      analysisDirectory: join(storageDirectory, "analysis"),
      systemDirectory: join(storageDirectory, "system"),
      startDate: "2026-02-01 00:00:00-06:00",
      createDate: "2026-05-28 15:26:40.000000-05:00",
    })
    expect(await client.ds.getExperimentById(90001)).toEqual(experiment)
    for (const folder of ["data", "analysis", "system"]) {
      expect((await stat(join(storageDirectory, folder))).isDirectory()).toBe(true)
    }
  })

  it("without managed directories have no data directory", async () => {
    const { dm, client } = await startSim({
      experiments: [{ name: "plain", managedDirectoryStructure: false }],
    })
    const experiment = await client.ds.getExperimentByName("plain")
    expect(experiment).not.toHaveProperty("dataDirectory")
    expect((await stat(String(experiment.storageDirectory))).isDirectory()).toBe(true)
    expect(dm.control.problems).toEqual([])
  })

  it("are listed newest first, in the short form", async () => {
    const { client } = await startSim({ experiments: [{ name: "first" }, { name: "second" }] })
    const list = await client.ds.getExperimentsByStation()
    expect(list.map(e => e.name)).toEqual(["second", "first"])
    for (const key of [
      "dataDirectory",
      "storageDirectory",
      "experimentUsernameList",
      "beamlineUserAccount",
    ]) {
      expect(list[0]).not.toHaveProperty(key)
    }
    expect(list[0]).toMatchObject({ primaryStorage: { id: 1 }, startDate: expect.any(String) })
  })

  it("are added, changed and deleted through the service", async () => {
    const { client } = await startSim()
    const added = await client.ds.addExperiment({
      name: "new-1",
      typeName: "BLUESKY",
      startDate: "01-Mar-26",
    })
    expect(added).toMatchObject({
      experimentType: { name: "BLUESKY" },
      startDate: "2026-03-01 00:00:00-06:00",
    })
    await expect(client.ds.addExperiment({ name: "new-1", typeName: "TEST" })).rejects.toThrow(
      ObjectAlreadyExists,
    )
    const changed = await client.ds.updateExperiment("new-1", { description: "a text" })
    expect(changed).toMatchObject({ id: added.id, description: "a text" })
    await client.ds.deleteExperimentByName("new-1")
    await expect(client.ds.getExperimentByName("new-1")).rejects.toThrow(ObjectNotFound)
    await expect(stat(String(added.storageDirectory))).rejects.toThrow("ENOENT")
  })

  it.each([..."#%&}{ \\<>*?/$!:@'\""])("refuse a name with the character %s", async character => {
    const { dm, client } = await startSim()
    const name = `a${character}b`
    await expect(dm.experiments.add({ name })).rejects.toMatchObject({ type: "InvalidRequest" })
    await expect(client.ds.addExperiment({ name, typeName: "TEST" })).rejects.toThrow(InvalidRequest)
  })

  it.each(["..", ".", "", "x".repeat(200)])("refuse the name %s", async name => {
    const { dm } = await startSim()
    await expect(dm.experiments.add({ name })).rejects.toMatchObject({ type: "InvalidRequest" })
  })

  it("refuse unknown stations, types and days, and directories outside", async () => {
    const { dm, client } = await startSim()
    const add = (more: object) => client.ds.addExperiment({ name: "x", typeName: "TEST", ...more })
    await expect(add({ typeName: "NONE" })).rejects.toThrow(ObjectNotFound)
    await expect(add({ stationName: "9ID" })).rejects.toThrow(AuthorizationError)
    await expect(add({ startDate: "soon" })).rejects.toThrow(InvalidArgument)
    await expect(dm.experiments.add({ name: "x", rootPath: "../.." })).rejects.toMatchObject({
      type: "InvalidArgument",
    })
    await expect(client.ds.getExperimentById("77")).rejects.toThrow(ObjectNotFound)
    await expect(client.ds.getExperimentByName("none")).rejects.toThrow(ObjectNotFound)
  })

  it("know their users", async () => {
    const { dm, client } = await startSim({
      users: [{ username: "s255user", password: "simulated", lastName: "Doe" }],
    })
    expect(await client.ds.getUserByUsername("s255user")).toEqual({ username: "s255user", lastName: "Doe" })
    await expect(client.ds.getUserByUsername("nobody")).rejects.toThrow(ObjectNotFound)
    const role = { username: "d900001", role: "User" as const, experiment: "tomo-2026-1" }
    await client.ds.addUserExperimentRole(role)
    expect(dm.experiments.byName("tomo-2026-1").experimentUsernameList).toEqual(["d900001"])
    await client.ds.deleteUserExperimentRole(role)
    expect(dm.experiments.byName("tomo-2026-1").experimentUsernameList).toEqual([])
  })
})

describe("proposals and ESAFs", () => {
  const esaf = (esafId: number, start: string, end: string) => ({
    document: {
      esafId,
      esafTitle: `t${esafId}`,
      experimentStartDate: `${start} 08:00:00`,
      experimentEndDate: `${end} 08:00:00`,
    },
    station: "255IDZ",
    beamline: "255-ID-Z",
  })
  const schedule = {
    esafs: [esaf(1, "2025-11-01", "2025-11-03"), esaf(2, "2026-03-01", "2026-03-05")],
    proposals: [
      { document: { id: 1234, title: "p" }, runName: "2026-1", beamline: "255-ID-Z" },
      { document: { id: 99, title: "q" }, runName: "2026-2" },
    ],
  }

  it("are found by station, beamline, year, days, run and id", async () => {
    const { client } = await startSim(schedule)
    const { aps } = client
    expect((await aps.listStationEsafs()).map(e => e.esafId)).toEqual([1, 2])
    expect((await aps.listStationEsafs({ year: 2026 })).map(e => e.esafId)).toEqual([2])
    expect(await aps.listStationEsafs({ beamline: "1-ID" })).toEqual([])
    expect((await aps.listStationEsafsByDateRange("2025-11-02", "2025-12-01")).map(e => e.esafId)).toEqual([
      1,
    ])
    expect(await aps.getStationEsafById(2)).toMatchObject({ esafTitle: "t2" })
    await expect(aps.getStationEsafById(3)).rejects.toThrow(ObjectNotFound)
    expect((await aps.listStationProposals({ runName: "2026-1" })).map(p => p.id)).toEqual([1234])
    expect(await aps.getStationProposalById("0001234")).toMatchObject({ title: "p" })
    expect(await aps.getCurrentRun()).toEqual({
      name: "2026-2",
      startTime: "2026-05-01",
      endTime: "2026-09-01",
    })
  })
})
