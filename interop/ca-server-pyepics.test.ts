import { randomUUID } from "node:crypto"
import { readFileSync } from "node:fs"
import { CaServer, ServerPv } from "node-epics-ca"
import { describe, expect, test } from "vitest"
import { peers, python, startPython } from "./peers.ts"

const source = (name: string): string => readFileSync(new URL(`./python/${name}`, import.meta.url), "utf8")

describe.skipIf(!peers().pyepics)("pyepics against the server", () => {
  test("its PV objects connect, read, write, wait and listen", async () => {
    await using server = await CaServer.listen()
    const prefix = `S${randomUUID().slice(0, 6)}:`
    const limits = { display: [-5, 5], alarm: [-4, 4] } as const
    server.add(
      new ServerPv(`${prefix}double`, { type: "double", value: 1, precision: 2, units: "mm", limits }),
    )
    server.add(new ServerPv(`${prefix}enum`, { type: "enum", value: 1, enumStrings: ["Closed", "Open"] }))
    server.add(
      new ServerPv(`${prefix}chars`, { type: "char", value: [...Buffer.from("some text\0")], maxCount: 100 }),
    )
    server.add(new ServerPv(`${prefix}array`, { type: "long", value: [3, 2, 1], maxCount: 50 }))
    server.add(new ServerPv(`${prefix}empty`, { type: "float", value: [], maxCount: 50 }))
    const move = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 300))
    server.add(new ServerPv(`${prefix}motor`, { type: "double", value: 0, onPut: move }))

    const [seen] = await python<Record<string, unknown>>(source("pyepics_pv.py"), {
      args: [prefix],
      env: { ...server.environment(), EPICS_CA_REPEATER_PORT: "25065" },
    })
    expect(seen).toMatchObject({
      text: "2.50",
      control: {
        units: "mm",
        precision: 2,
        upper_disp_limit: 5,
        lower_alarm_limit: -4,
        upper_warning_limit: "nan",
      },
      heard: [1, 2.5],
      states: ["Closed", "Open"],
      choice: [1, "Open"],
      "char text": "some text",
      array: [3, 2, 1],
      empty: [],
      moved: 3,
    })
    expect(seen?.["completed after"]).toBeGreaterThan(0.29)
  })

  test("sixty circuits in three processes each get every update", async () => {
    await using server = await CaServer.listen()
    const name = `S${randomUUID().slice(0, 6)}:counter`
    const pv = server.add(new ServerPv(name, { type: "double", value: 0 }))
    const run = () =>
      startPython<"ready" | number[][]>(source("pyepics_circuits.py"), {
        args: [name, "20", "100"],
        env: { ...server.environment(), EPICS_CA_REPEATER_PORT: "25065" },
        timeout: 100,
      })
    await using first = run()
    await using second = run()
    await using third = run()
    for (const script of [first, second, third]) expect(await script.next()).toBe("ready")
    // Each process has one more circuit, to its name server.
    expect(server.clients.length).toBeGreaterThanOrEqual(60)
    for (let value = 1; value <= 100; value++) {
      pv.post(value)
      if (value % 10 === 0) await new Promise(resolve => setImmediate(resolve))
    }
    const expected = Array.from({ length: 101 }, (_, value) => value)
    for (const script of [first, second, third]) expect(await script.next()).toEqual(Array(20).fill(expected))
  })
})
