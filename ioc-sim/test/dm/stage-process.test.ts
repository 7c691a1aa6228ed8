import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it, vi } from "vitest"
import { type StageProgram, stageProcess } from "../../src/dm/index.ts"
import { startSim, temporaryDirectory } from "./support.ts"

/** Says what it was given, on both outputs, and ends as it is told. */
const echo: StageProgram = {
  file: process.execPath,
  args: [
    "-e",
    "console.log(process.argv.slice(1).join(' ')); console.error('e'); process.exit(Number(process.argv.at(-1)))",
    "--",
  ],
}
/** Leaves its process id in the file, and stays. */
const waiting = (file: string): StageProgram => ({
  file: process.execPath,
  args: [
    "-e",
    `require("fs").writeFileSync(${JSON.stringify(file)}, String(process.pid)); setInterval(() => {}, 1000)`,
    "--",
  ],
})

async function start(program: StageProgram, command = "/opt/run --name=$name ; $code") {
  const { dm, client, clock } = await startSim({
    workflows: [
      { name: "run", stages: { "01": { command, outputVariableRegexList: ["--name=(?P<found>\\w+)"] } } },
    ],
    commands: [{ stage: "01", play: stageProcess(program) }],
  })
  const args = { filePath: "/dev/null", name: "a", code: "3" }
  const { id } = await client.proc.startProcessingJob("s255user", "run", args)
  const job = () => dm.jobs.all()[0] as Record<string, unknown>
  const ended = async () => {
    await vi.waitFor(
      async () => {
        await clock.advance(1)
        expect(job()["status"]).toMatch(/done|failed|aborted/)
      },
      { timeout: 20_000 },
    )
    const { workflow } = job() as {
      workflow: { stages: Record<string, { childProcesses: Record<string, object> }> }
    }
    return Object.values(workflow.stages["01"]?.childProcesses ?? {})[0]
  }
  return { dm, id, clock, job, ended }
}

describe("a stage that is played by a process", () => {
  it("has the command's words as arguments, no shell, and its outputs and exit status", async () => {
    const { ended, job } = await start(echo)
    expect(await ended()).toMatchObject({
      exitStatus: 3,
      stdOut: expect.stringContaining("--name=a ; 3"),
      stdErr: expect.stringContaining("e"),
    })
    expect(job()).toMatchObject({ status: "failed" })
  })

  it("has its output variables in the job", async () => {
    const { ended, job } = await start(echo, "/opt/run --name=$name 0")
    await ended()
    expect(job()).toMatchObject({ status: "done", found: "a" })
  })

  it("fails with the reason when there is no such program", async () => {
    const { ended } = await start({ file: "/no/such/program" })
    expect(await ended()).toMatchObject({
      exitStatus: 1,
      stdErr: expect.stringContaining("/no/such/program could not be started"),
    })
  })

  it("ends with its job", async () => {
    const folder = await temporaryDirectory()
    const { dm, id, job, clock } = await start(waiting(join(folder, "pid")))
    await vi.waitFor(async () => {
      await clock.advance(1)
      expect(job()["stage"]).toBe("01")
    })
    const pid = await vi.waitFor(async () => Number(await readFile(join(folder, "pid"), "utf8")), {
      timeout: 20_000,
    })
    expect(process.kill(pid, 0)).toBe(true)
    await dm.control.abortJob(id)
    await vi.waitFor(async () => {
      await clock.advance(1)
      expect(job()["status"]).toBe("aborted")
    })
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow("ESRCH"), { timeout: 10_000 })
  })
})
