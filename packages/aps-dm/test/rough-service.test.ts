/** Answers that DM might give and its captures do not show: the client has to get on with them. */
import { TestClock } from "@ophyd-ts/core/testing"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { DmClient } from "../src/index.ts"
import { eachJob, findJob, jobPage, submitJob } from "../src/jobs/submit-job.ts"
import { send, TinyService } from "./support/tiny-service.ts"

let service: TinyService
let dm: DmClient
beforeEach(async () => {
  service = await TinyService.start()
  dm = service.client({ timeout: 5 })
})
afterEach(async () => {
  dm.close()
  await service.close()
})

const owner = "s255user"
const submission = (clock = new TestClock()) => ({
  workflowOwner: owner,
  workflow: "w",
  jobOwner: owner,
  args: { submission_tag: "mine" },
  tag: "submission_tag",
  clock,
})

describe("numbers in place of identifiers", () => {
  it("are texts from there on, for jobs, workflows and transfers", async () => {
    service.answer = ({ target }, response) =>
      send(response, target.endsWith("uploads") ? [{ id: 7 }] : { id: 7 })
    expect((await dm.proc.startProcessingJob(owner, "w", {})).id).toBe("7")
    expect((await dm.proc.getProcessingJobById(owner, "7")).id).toBe("7")
    expect((await dm.proc.getWorkflowByName(owner, "w")).id).toBe("7")
    expect((await dm.daq.upload("e", "/d")).id).toBe("7")
    expect((await dm.daq.listUploads())[0]?.id).toBe("7")
  })

  it("start no job twice", async () => {
    service.answer = (_, response) => send(response, { id: 12345, status: "pending" })
    expect((await submitJob(dm.proc, submission())).id).toBe("12345")
    expect(service.calls).toHaveLength(1)
  })
})

describe("a list of jobs", () => {
  const jobs = Array.from({ length: jobPage }, (_, i) => ({ id: `job-${i}` }))

  it.each([
    ["is the same page whatever was skipped", jobs, 2],
    [
      "has everything at once, whatever limit was asked for",
      [...jobs, ...jobs.map(j => ({ id: `${j.id}b` }))],
      1,
    ],
    ["has no identifiers", jobs.map(() => ({ status: "done" })), 1],
  ])("comes to an end when it %s", async (_, page, requests) => {
    service.answer = (_, response) => send(response, page)
    const got = []
    for await (const job of eachJob(dm.proc, owner, ["id"])) got.push(job)
    expect([got.length, service.calls.length]).toEqual([page.length, requests])
  })

  /** A service that takes a job, loses the answer, and whose list has other keys than those asked for. */
  function forgetful(others: number) {
    const started: string[] = []
    const list = () => [
      ...Array.from({ length: others }, (_, i) => ({ id: `old-${i}`, status: "done", submissionTime: i })),
      ...started.map(id => ({ id, status: "running", submissionTime: 1e9 })),
    ]
    service.answer = ({ verb, target }, response) => {
      if (verb === "POST") {
        started.push(`new-${started.length}`)
        response.socket?.destroy()
        return
      }
      const id = /\/processingJobsByOwner\/\w+\/([\w-]+)/.exec(target)?.[1]
      if (id === undefined) send(response, list())
      else send(response, { id, status: "running", ...(id === "new-0" ? { submission_tag: "mine" } : {}) })
    }
    return started
  }

  it("that does not tell arguments is not believed: the jobs themselves are asked, the newest first", async () => {
    const started = forgetful(200)
    expect((await submitJob(dm.proc, submission())).id).toBe("new-0")
    expect([started.length, service.calls.length]).toEqual([1, 3])
  })

  it("that does not tell arguments of too many jobs is no reason to start anything again", async () => {
    const started = forgetful(200)
    const lost = submitJob(dm.proc, { ...submission(), args: { submission_tag: "other" } })
    await expect(lost).rejects.toMatchObject({ code: "CommunicationError", outcomeUnknown: true })
    expect(started).toHaveLength(1)
    await expect(findJob(dm.proc, owner, { key: "submission_tag", value: "x" })).rejects.toThrow(
      "the list of jobs of s255user does not tell submission_tag",
    )
  })
})

describe("a body", () => {
  it("that ends too early, with a connection that ends as if all was well, is told from one of another kind", async () => {
    service.answer = (_, response) => {
      response.writeHead(200, { "content-type": "application/json", connection: "close" })
      response.end('[{"id": "8d6c')
    }
    const error = (await dm.daq.listUploads().catch((thrown: unknown) => thrown)) as Error
    expect(error.message).toContain('HTTP status 200, application/json, but no JSON ("[{"id": "8d6c")')
  })

  it("may begin with a byte order mark", async () => {
    service.answer = (_, response) => void response.end('\ufeff[{"id": "a"}]')
    expect(await dm.daq.listUploads()).toMatchObject([{ id: "a" }])
  })
})

describe("a proxy in between", () => {
  it("that wants a login of its own is named, without what its address carries", async () => {
    service.answer = (_, response) => {
      response.writeHead(302, {
        location: "https://login.example.org/sso?token=secret",
        "content-type": "text/html",
      })
      response.end("<a href='/sso'>Found</a>")
    }
    const error = (await dm.daq.listDaqs().catch((thrown: unknown) => thrown)) as Error
    expect(error.message).toMatch(
      /HTTP status 302, text\/html \("Found"\), which leads to https:\/\/login\.example\.org\/sso, from GET/,
    )
    expect(error.message).not.toContain("secret")
  })
})
