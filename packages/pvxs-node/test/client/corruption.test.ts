import { seededRandom, TcpProxy } from "@ophyd-ts/epics-net/testing"
import { expect, it } from "vitest"
import { PvaError } from "../../src/errors.ts"
import { createNdArray, ntNdArray } from "../../src/nt/nd-array.ts"
import { ntScalar } from "../../src/nt/scalar.ts"
import { PvaServer } from "../../src/server/server.ts"
import { SharedPv } from "../../src/server/shared-pv.ts"
import { clientOf, fastClock, replacePort } from "../support/pair.ts"
import { until } from "../support/until.ts"

it.concurrent.each([1, 2, 3])(
  "a network that flips bits both ways breaks no process, and both sides recover when it stops (seed %i)",
  async seed => {
    const random = seededRandom(seed)
    await using server = await PvaServer.open({ isolated: true })
    const double = SharedPv.mailbox(ntScalar("double", { display: true }))
    server.add("x", double)
    const image = createNdArray({ data: new Uint16Array(1000), shape: [100, 10], attributes: { gain: 1.5 } })
    server.add("i", new SharedPv(ntNdArray, { value: image as never }))
    await using proxy = await TcpProxy.start({ port: server.port })
    const flip = (chunk: Buffer): Buffer => {
      if (random() < 0.3) chunk[Math.floor(random() * chunk.length)]! ^= 1 << Math.floor(random() * 8)
      return chunk
    }
    proxy.toClient.change = chunk => flip(replacePort(chunk, server.port, proxy.port))
    proxy.toTarget.change = flip
    await using client = clientOf(proxy.port, { clock: fastClock(50), timeout: 5 })
    client.monitor("x").on("update", () => {})
    client.monitor("i", { pipeline: true }).on("update", () => {})
    for (let round = 0; round < 60; round++) {
      double.post({ value: round })
      const calls = [
        client.get("x"),
        client.get("i"),
        client.put("x", round),
        client.info("i"),
        client.rpc("x", null),
      ]
      for (const outcome of await Promise.allSettled(calls)) {
        // A flipped bit may also be in a value, which nothing can detect; but what fails fails with a name.
        if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(PvaError)
      }
    }
    proxy.toClient.change = chunk => replacePort(chunk, server.port, proxy.port)
    proxy.toTarget.change = undefined
    // The same client, which by now may have been put off by several broken connections, and whose wishes to end
    // one operation may have ended another.
    await until(() => client.put("x", 7, { timeout: 100 }))
    await until(async () => expect((await client.get("x", { timeout: 100 }))["value"]).toBe(7))
    expect(proxy.accepted).toBeGreaterThan(3)
  },
  60_000,
)
