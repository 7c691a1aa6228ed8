import { describe, expect, it, vi } from "vitest"
import { containerEngine } from "../../src/container/engine.ts"

type Load = NonNullable<Parameters<typeof containerEngine>[0]>

const loadOf = (getContainerRuntimeClient: () => Promise<unknown>): Load =>
  (async () => ({ getContainerRuntimeClient })) as unknown as Load

describe("finding a container engine", () => {
  it("gives the one that answers", async () => {
    const client = { info: {} }
    expect((await containerEngine(loadOf(async () => client))).client).toBe(client)
  })

  it("says how to get testcontainers when that is not installed", async () => {
    const cause = new Error("Cannot find package 'testcontainers'")
    await expect(containerEngine(() => Promise.reject(cause))).rejects.toMatchObject({
      code: "container-engine-not-found",
      message: expect.stringMatching(
        /testcontainers is not installed: `npm install --save-dev testcontainers@/,
      ),
      cause,
    })
  })

  it("says where it looked and what to install when none answers", async () => {
    vi.stubEnv("DOCKER_HOST", "unix:///no/such.sock")
    try {
      const cause = new Error("Could not find a working container runtime strategy")
      await expect(containerEngine(loadOf(() => Promise.reject(cause)))).rejects.toMatchObject({
        code: "container-engine-not-found",
        message: expect.stringMatching(
          /no engine answers at unix:\/\/\/no\/such\.sock; install and start one/,
        ),
        cause,
      })
    } finally {
      vi.unstubAllEnvs()
    }
  })

  it("does not wait for one that is there and silent", async () => {
    await expect(
      containerEngine(
        loadOf(() => new Promise(() => {})),
        0.05,
      ),
    ).rejects.toMatchObject({
      code: "container-engine-not-found",
      cause: expect.objectContaining({ message: "no answer within 0.05 s" }),
    })
  })
})
