import { double, NotConnectedError, onCallbackError } from "@ophyd-ts/core"
import { CaClient, CaServer, ServerPv } from "node-epics-ca"
import { expect, it, onTestFinished } from "vitest"
import { EpicsDevice } from "../src/index.ts"
import { randomPrefix } from "./support/prefix.ts"

/** A hundred signals. */
class Rack extends EpicsDevice {
  constructor(prefix: string) {
    super(prefix)
    for (let i = 0; i < 100; i++) Object.assign(this, { [`s${i}`]: this.signal.rw(double, `${i}`) })
  }
}

/** Fifty racks. */
class Hall extends EpicsDevice {
  constructor(prefix: string, client: CaClient) {
    super(prefix, { name: "hall", client })
    for (let i = 0; i < 50; i++) Object.assign(this, { [`rack${i}`]: new Rack(`${prefix}${i}:`) })
  }
}

it("5,000 signals, 37 of them absent: one error that names the 37, within one time-out; the others work", async () => {
  const prefix = randomPrefix()
  const server = await CaServer.listen()
  const client = new CaClient(server.clientConfig())
  onTestFinished(async () => {
    await client.close()
    await server.close()
  })
  const absent = new Set(Array.from({ length: 37 }, (_, i) => i * 131 + 17))
  for (let i = 0; i < 5000; i++) {
    if (absent.has(i)) continue
    server.add(new ServerPv(`${prefix}${Math.floor(i / 100)}:${i % 100}`, { type: "double", value: i }))
  }
  const hall = new Hall(prefix, client)
  const started = performance.now()
  const error: NotConnectedError = await hall.connect({ timeout: 6 }).catch(e => e)
  expect(performance.now() - started).toBeLessThan(12_000)
  expect(error).toBeInstanceOf(NotConnectedError)
  expect(error.failures.map(f => f.component.name)).toEqual(
    [...absent].map(i => `hall_rack${Math.floor(i / 100)}_s${i % 100}`),
  )
  expect(new Set(error.failures.map(f => f.state))).toEqual(new Set(["searching"]))
  expect(error.message).toMatch(/^37 of 5000 signals did not connect within /)
  const last = hall.children.get("rack49") as Rack
  expect(Object.keys(await last.read())).toHaveLength(100)
}, 60_000)

it("a subscriber that throws is reported, and disturbs neither the others nor the connection", async () => {
  const prefix = randomPrefix()
  const server = await CaServer.listen()
  const client = new CaClient(server.clientConfig())
  onTestFinished(async () => {
    await client.close()
    await server.close()
  })
  const pv = server.add(new ServerPv(`${prefix}x`, { type: "double", value: 1 }))
  class One extends EpicsDevice {
    readonly x = this.signal.rw(double, "x")
  }
  const { x } = new One(prefix, { client, name: "one" })
  await x.connect({ timeout: 20 })
  const reported: string[] = []
  const hook = onCallbackError((error, where) => reported.push(`${where}: ${error.message}`))
  onTestFinished(() => hook.unsubscribe())
  const seen: number[] = []
  x.subscribe(() => {
    throw new Error("oops")
  })
  x.subscribe(({ value }) => seen.push(value))
  await expect.poll(() => seen, { timeout: 10_000 }).toEqual([1])
  pv.post(2)
  await expect.poll(() => seen, { timeout: 10_000 }).toEqual([1, 2])
  expect(reported).toEqual(["a subscriber of one_x: oops", "a subscriber of one_x: oops"])
  await x.set(3)
  expect(await x.get()).toBe(3)
})
