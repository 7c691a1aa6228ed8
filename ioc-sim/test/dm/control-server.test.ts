import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it, vi } from "vitest"
import { raw, startSim, temporaryDirectory } from "./support.ts"

const owner = "s255user"
const workflows = [{ name: "w", stages: { "01": { command: "analyze $filePath" } } }]

async function startControlled() {
  const sim = await startSim({ controlPort: 0, workflows })
  const url = String(sim.dm.controlUrl)
  const post = (name: string, body: unknown = {}, type = "application/json") =>
    raw(url, "POST", `/${name}`, { headers: { "Content-Type": type }, body: JSON.stringify(body) })
  const get = async (name: string) => JSON.parse((await raw(url, "GET", `/${name}`)).body)
  return { ...sim, post, get }
}

describe("the control for other processes", () => {
  it("makes requests go wrong and says what was asked", async () => {
    const { client, post, get } = await startControlled()
    await post("fault", {
      kind: "refuse",
      type: "DbError",
      message: "disk full",
      call: "listDaqs",
      service: "daq",
    })
    await expect(client.daq.listDaqs()).rejects.toThrow("disk full")
    await post("fault", { kind: "html", status: 502 })
    await expect(client.daq.listDaqs()).rejects.toThrow("502")
    await post("fault", { kind: "unauthorized", times: 5 })
    await post("clearFaults")
    expect(await client.daq.listDaqs()).toEqual([])
    await post("expireSessions", { service: "daq" })
    expect(await client.daq.listDaqs()).toEqual([])
    const calls = (await get("requests")).map((request: { call: string }) => request.call)
    expect(calls.filter((call: string) => call === "login")).toHaveLength(2)
    expect(await get("problems")).toEqual([])
  })

  it("makes files fail that are to be transferred", async () => {
    const { client, clock, post } = await startControlled()
    const source = await temporaryDirectory()
    for (const name of ["a.txt", "b.txt"]) await writeFile(join(source, name), "x")
    await post("failFile", { file: "b*", times: 2, message: "locked" })
    const upload = async () => {
      const { id } = await client.daq.upload("tomo-2026-1", source)
      await clock.advance(1)
      const { status, processingErrors } = await client.daq.getUploadInfo(id)
      return [status, processingErrors]
    }
    expect(await upload()).toEqual(["failed", { "b.txt": "locked" }])
    expect(await upload()).toEqual(["failed", { "b.txt": "locked" }])
    expect(await upload()).toEqual(["done", {}])
    await post("failFile", { file: "a.txt" })
    await post("clearFaults")
    expect(await upload()).toEqual(["done", {}])
  })

  it("plays commands and handles jobs", async () => {
    const { client, clock, post, get } = await startControlled()
    const start = async () => (await client.proc.startProcessingJob(owner, "w", { filePath: "f" })).id
    const status = async (id: string) => (await client.proc.getProcessingJobById(owner, id)).status
    await post("play", { command: "analyze *", stdOut: "42", seconds: 5 })
    const [aborted, skipped, frozen, vanished, done] = [
      await start(),
      await start(),
      await start(),
      await start(),
      await start(),
    ]
    await post("skipJob", { id: skipped })
    await clock.advance(1)
    await post("abortJob", { id: aborted })
    await post("freezeJob", { id: frozen, changes: { status: "odd" } })
    await post("vanishJob", { id: vanished })
    await clock.advance(10)
    expect([await status(aborted), await status(skipped), await status(frozen), await status(done)]).toEqual([
      "aborted",
      "skipped",
      "odd",
      "done",
    ])
    expect(await get("jobs")).toHaveLength(4)
  })

  it("sends the service away for a time, and stays there itself", async () => {
    const { client, clock, post } = await startControlled()
    await post("awayFor", { seconds: 30, service: "daq" })
    await expect(client.daq.listDaqs()).rejects.toThrow("refused")
    await clock.advance(31)
    await vi.waitFor(async () => expect(await client.daq.listDaqs()).toEqual([]))
  })

  it("says what is wrong with a request", async () => {
    const { post, dm } = await startControlled()
    const wrong = async (...args: Parameters<typeof post>) => {
      const answer = await post(...args)
      return [answer.status, JSON.parse(answer.body).errorMessage]
    }
    expect(await wrong("nothing")).toEqual([
      404,
      expect.stringContaining("POST fault, failFile, clearFaults"),
    ])
    expect(await wrong("constructor")).toEqual([404, expect.anything()])
    expect(await wrong("fault", { kind: "fire" })).toEqual([400, expect.stringContaining("one of delay")])
    expect(await wrong("fault", { kind: "refuse", type: "Odd" })).toEqual([
      400,
      expect.stringContaining('"Odd"'),
    ])
    expect(await wrong("fault", { kind: "html", service: "x" })).toEqual([
      400,
      expect.stringContaining("ds, daq"),
    ])
    expect(await wrong("fault", [])).toEqual([400, "the body must be a JSON object"])
    expect(await wrong("abortJob", { id: "none" })).toEqual([400, expect.stringContaining("does not exist")])
    expect(await wrong("clearFaults", {}, "text/plain")).toEqual([
      400,
      expect.stringContaining("application/json"),
    ])
    expect(
      (
        await raw(String(dm.controlUrl), "POST", "/fault", {
          body: "{",
          headers: { "Content-Type": "application/json" },
        })
      ).status,
    ).toBe(400)
  })
})
