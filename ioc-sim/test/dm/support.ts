import { mkdtemp, rm } from "node:fs/promises"
import { type IncomingHttpHeaders, request } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DmClient } from "@ophyd-ts/aps-dm"
import { onTestFinished } from "vitest"
import { type DmServiceOptions, ManualClock, startDmService } from "../../src/dm/index.ts"

/** A directory that is gone after the test. */
export async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "ophyd-ts-dm-test-"))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

/** A service on a hand-moved clock with one experiment and a client for it. The test fails on any fault inside it. */
export async function startSim(options: Partial<DmServiceOptions> = {}) {
  const clock = new ManualClock()
  const dm = await startDmService({
    dataRoot: await temporaryDirectory(),
    clock,
    seed: 1,
    experiments: [{ name: "tomo-2026-1" }],
    ...options,
  })
  const client = new DmClient(dm.config())
  onTestFinished(async () => {
    client.close()
    await dm.close()
    if (dm.control.problems.length > 0)
      throw new AggregateError(dm.control.problems, "the service had faults")
  })
  return { dm, client, clock }
}

export interface RawAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** One request with the target exactly as given. */
export function raw(
  url: string,
  verb: string,
  target: string,
  options: { headers?: Record<string, string>; body?: string } = {},
): Promise<RawAnswer> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { hostname, port, method: verb, path: target, agent: false, headers: options.headers ?? {} },
      incoming => {
        let body = ""
        incoming.setEncoding("utf8")
        incoming.on("data", chunk => {
          body += chunk
        })
        incoming.on("error", reject)
        incoming.on("end", () =>
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body }),
        )
      },
    )
    outgoing.on("error", reject)
    outgoing.end(options.body)
  })
}

const form = { "Content-Type": "application/x-www-form-urlencoded" }

export const login = (url: string, username = "s255user", password = "simulated"): Promise<RawAnswer> =>
  raw(url, "POST", "/dm/login", { headers: form, body: `username=${username}&password=${password}` })

/** The value of `Set-Cookie` after a login. */
export const cookieOf = (answer: RawAnswer): string => answer.headers["set-cookie"]?.[0] ?? ""
