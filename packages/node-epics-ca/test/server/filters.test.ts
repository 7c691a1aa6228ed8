import { describe, expect, test } from "vitest"
import { CaClient, CaServer, ServerPv } from "../../src/index.ts"
import { parseFilters } from "../../src/server/filters.ts"
import { EventMask } from "../../src/wire/constants.ts"

describe("what stands behind a name", () => {
  test.each([
    ["[1:3]", 3],
    ["[2]", 1],
    ["[-2:-1]", 2],
    ["[::-1]", 5],
    ["[:2:]", 3],
    ["[7:9]", 0],
    ['{"arr":{"s":1,"i":2,"e":4}}', 2],
    ["{ arr : { s : 1 } , dec : { n : 2 } }", 4],
    ["[1:4]{arr:{s:2}}", 2],
  ])("%s leaves %i elements of five", (text, count) => {
    expect(parseFilters(text)?.count(5)).toBe(count)
  })

  test.each([
    "",
    "{}",
    "[]",
    "[a]",
    "[1:2:3:4]",
    "[1]x",
    "{",
    "[1]{",
    '{"nothing":{}}',
    '{"toString":{}}',
    '{"ts":{"str":"iso"}}',
    '{"ts":1}',
    '{"dec":{}}',
    '{"dec":{"n":0}}',
    '{"dec":{"n":1.5}}',
    '{"dbnd":{"abs":"much"}}',
    '{"dbnd":{"abs":1,"more":2}}',
    '{"dbnd":{"d":1,"m":"no"}}',
    '{"arr":{"s":"x"}}',
    '{"sync":{"m":"while","s":"red"}}',
    "[1][2]",
    "null",
  ])("%j is not understood", text => {
    expect(parseFilters(text)).toBeUndefined()
  })

  test("lets alarms pass a dead band, and each subscription have one of its own", () => {
    const filters = parseFilters('{"dbnd":{"abs":5}}')
    const snapshot = (value: number) => ({ definition: { isArray: false }, data: [value] }) as never
    const [one, other] = [filters?.begin(), filters?.begin()]
    const passes = (of: typeof one, value: number, events: number) =>
      of?.(snapshot(value), events) !== undefined
    expect(passes(one, 10, EventMask.VALUE)).toBe(true)
    expect(passes(one, 12, EventMask.VALUE | EventMask.LOG)).toBe(false)
    expect(passes(one, 12, EventMask.VALUE | EventMask.ALARM)).toBe(true)
    expect(passes(other, 12, EventMask.VALUE)).toBe(true)
    expect(passes(one, Number.NaN, EventMask.VALUE)).toBe(true)
    expect(passes(one, Number.NaN, EventMask.VALUE)).toBe(false)
  })
})

describe("a channel with filters", () => {
  test("shows what passes to its own subscribers only, and writes to the whole", async () => {
    await using server = await CaServer.listen()
    const pv = server.add(new ServerPv("X:wave", { type: "long", value: [0, 1, 2, 3], maxCount: 4 }))
    await using client = new CaClient(server.clientConfig())
    await using part = client.channel('X:wave.[1:2]{"dec":{"n":2}}')
    await part.connect({ timeout: 20 })
    expect(part.count).toBe(2)
    const [some, all]: unknown[][] = [[], []]
    part.monitor({ onUpdate: ({ value }) => void some?.push(value) })
    client.monitor("X:wave", { onUpdate: ({ value }) => void all?.push(value) })
    await expect.poll(() => all?.length, { timeout: 10_000 }).toBe(1)
    for (const first of [10, 20, 30]) pv.post([first, first + 1, first + 2, first + 3])
    await expect.poll(() => all?.length, { timeout: 10_000 }).toBe(4)
    expect(some).toEqual([Int32Array.of(1, 2), Int32Array.of(21, 22)])
    await part.put([7, 8])
    expect((await client.get("X:wave")).value).toEqual(Int32Array.of(7, 8))
    expect((await part.get()).value).toEqual(Int32Array.of(8))
  })

  test("shows the present value when the right to read comes back", async () => {
    await using server = await CaServer.listen()
    const pv = server.add(new ServerPv("X:a", { type: "double", value: 1 }))
    await using client = new CaClient(server.clientConfig())
    const seen: unknown[] = []
    const errors: string[] = []
    const monitor = client.monitor('X:a.{"dbnd":{"abs":10}}', {
      onUpdate: ({ value }) => void seen.push(value),
      onError: ({ code }) => void errors.push(code),
    })
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual([1])
    pv.setAccess("none")
    await expect.poll(() => errors, { timeout: 10_000 }).toEqual(["REMOTE"])
    pv.post(50)
    pv.setAccess("read-write")
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual([1, 50])
    monitor.close()
    await expect.poll(() => server.clients.length, { timeout: 10_000 }).toBe(1)
  })

  test("is not made of a name that has brackets of its own", async () => {
    await using server = await CaServer.listen()
    server.add(new ServerPv("X:row.[1]", { type: "long", value: 5 }))
    server.add(new ServerPv("X:row", { type: "long", value: [1, 2, 3] }))
    await using client = new CaClient(server.clientConfig())
    expect((await client.get("X:row.[1]")).value).toBe(5)
    expect((await client.get("X:row.[2]")).value).toEqual(3)
    await expect(client.get("X:row[2]", { timeout: 0.3 })).rejects.toMatchObject({ code: "NOT_FOUND" })
  })
})
