/** Filters behind the names of channels: the same names and the same writes on EPICS base's own server and on ours. */
import { type SoftIoc, startSoftIoc } from "@ophyd-ts/ioc-sim"
import { CaClient, CaServer, ServerPv } from "node-epics-ca"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { peers } from "./peers.ts"

const database = `
record(ao, "double") { field(PREC, "3") field(HIGH, "50") field(HSV, "MINOR") }
record(waveform, "doubles") { field(FTVL, "DOUBLE") field(NELM, "5") }
`

describe.skipIf(!peers().softIoc)("filters of channels, on the server beside EPICS base's own", () => {
  let ioc: SoftIoc
  let server: CaServer
  const clients: CaClient[] = []

  beforeAll(async () => {
    ioc = await startSoftIoc({ text: database })
    server = await CaServer.listen()
    server.add(
      new ServerPv("double", { type: "double", value: 0, precision: 3, deadband: { value: 0, log: 0 } }),
    )
    server.add(new ServerPv("doubles", { type: "double", value: [] as number[], maxCount: 5 }))
    clients.push(new CaClient(ioc.clientConfig().ca), new CaClient(server.clientConfig()))
  })
  afterAll(async () => {
    for (const client of clients) await client.close()
    await server?.close()
    await ioc?.[Symbol.asyncDispose]()
  })

  /** What a client sees through a name while values are written to the record behind it. */
  async function seen(client: CaClient, name: string, values: readonly (number | readonly number[])[]) {
    const record = /^\w+/.exec(name)?.[0] ?? ""
    await client.put(record, (values[0] ?? 0) as never, { completion: true, timeout: 20 })
    await using channel = client.channel(name)
    await channel.connect({ timeout: 20 })
    const updates: unknown[] = []
    const all: unknown[] = []
    await using _filtered = channel.monitor({ onUpdate: ({ value }) => void updates.push(value) })
    await using _all = client.monitor(record, { onUpdate: ({ value }) => void all.push(value) })
    await expect.poll(() => all.length, { timeout: 10_000 }).toBe(1)
    for (const value of values.slice(1)) {
      const before = all.length
      await client.put(record, value as never, { completion: true, timeout: 20 })
      await expect.poll(() => all.length, { timeout: 10_000 }).toBeGreaterThan(before)
    }
    const { value } = await channel.get({ timeout: 20 })
    return { count: channel.count, updates, value }
  }

  it.each<[string, (number | number[])[]]>([
    ['double.VAL{"dbnd":{"abs":1.5}}', [0, 1, 2, 3, 4, 4.5, 0, -1.6]],
    ['double.VAL{"dbnd":{"rel":50}}', [10, 14, 16, 20, 25, 12]],
    ['double.VAL{"dbnd":{}}', [1, 2, 3]],
    ["double.{dbnd:{abs:3}}", [0, 2, 4, 8]],
    ['double.VAL{"dec":{"n":3}}', [1, 2, 3, 4, 5, 6, 7, 8]],
    ['double.VAL{"dec":{"n":2},"dbnd":{"abs":2}}', [1, 2, 3, 4, 5, 6, 7, 8]],
    ['double.VAL{"arr":{"s":1}}', [1, 2]],
    ["double.[0:1]", [1, 2]],
    [
      "doubles.VAL[1:3]",
      [
        [0, 1, 2, 3, 4],
        [5, 6],
        [7, 8, 9],
      ],
    ],
    [
      "doubles.VAL[2]",
      [
        [0, 1, 2, 3, 4],
        [5, 6, 7],
      ],
    ],
    [
      "doubles.VAL[-2:-1]",
      [
        [0, 1, 2, 3, 4],
        [5, 6, 7],
      ],
    ],
    [
      "doubles.VAL[0:2:4]",
      [
        [0, 1, 2, 3, 4],
        [5, 6, 7, 8],
      ],
    ],
    [
      "doubles.VAL[::-2]",
      [
        [0, 1, 2, 3, 4],
        [5, 6, 7, 8],
      ],
    ],
    [
      'doubles.VAL{"arr":{"i":0}}',
      [
        [0, 1, 2, 3, 4],
        [5, 6],
      ],
    ],
    [
      "doubles.VAL[0:-2:3]",
      [
        [0, 1, 2, 3, 4],
        [5, 6],
      ],
    ],
    [
      "doubles.VAL[3:1]",
      [
        [0, 1, 2, 3, 4],
        [5, 6],
      ],
    ],
    [
      'doubles.VAL{"arr":{"s":1,"i":2}}',
      [
        [0, 1, 2, 3, 4],
        [5, 6],
      ],
    ],
    [
      'doubles.VAL[1:4]{"dec":{"n":2}}',
      [
        [0, 1, 2, 3, 4],
        [5, 6],
        [7, 8, 9, 10],
      ],
    ],
  ])("%s shows what it shows there", async (name, values) => {
    const [theirs, ours] = [await seen(clients[0]!, name, values), await seen(clients[1]!, name, values)]
    expect(ours).toEqual(theirs)
    expect(theirs.updates.length).toBeGreaterThan(0)
  })

  it('{"ts":{}} shows the time at which a value is seen', async () => {
    for (const client of clients) {
      await client.put("double", 1, { completion: true, timeout: 20 })
      const { timestamp: written } = await client.get("double")
      await new Promise<void>(resolve => {
        const timer = setInterval(() => {
          if (Date.now() / 1000 < written + 0.1) return
          clearInterval(timer)
          resolve()
        }, 5)
      })
      expect((await client.get('double.VAL{"ts":{}}')).timestamp).toBeGreaterThan(written + 0.09)
    }
  })

  // What waits for nothing waits together.
  it.concurrent.each([
    'double.VAL{"nothing":{}}',
    'double.VAL{"dec":{"n":0}}',
    'double.VAL{"dec":{"n":3,"o":1}}',
    'double{"ts":{}}',
    'double.VAL{"dbnd":{"abs":"much"}}',
    "double.VAL[a]",
    "double.VAL[1:2:3:4]",
    "double.VAL{",
    "double.VAL{}x",
  ])("%s is no name on either", async name => {
    const answers = clients.map(client => client.get(name, { timeout: 0.7 }))
    for (const answer of await Promise.allSettled(answers))
      expect(answer).toMatchObject({ status: "rejected", reason: { code: "NOT_FOUND" } })
  })
})
