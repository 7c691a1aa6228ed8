import { randomUUID } from "node:crypto"
import { readFileSync } from "node:fs"
import { CaServer, ServerPv } from "node-epics-ca"
import { describe, expect, test } from "vitest"
import { peers, python } from "./peers.ts"

const script = readFileSync(new URL("./python/caproto_client.py", import.meta.url), "utf8")

describe.skipIf(!peers().caproto)("caproto against the server", () => {
  test("finds it by UDP and decodes every family of every type, reads, follows and writes", async () => {
    await using server = await CaServer.listen({ searchPort: 0 })
    const prefix = `S${randomUUID().slice(0, 6)}:`
    const common = {
      precision: 3,
      units: "mm",
      severity: 1,
      status: 4,
      timestamp: { seconds: 1_700_000_000, nanoseconds: 42 },
    }
    const limits = { display: [1, 9], control: [2, 8] } as const
    const values = { short: -5, float: 0.5, char: 7, long: 70000, double: 1.25 }
    const types = Object.keys(values) as (keyof typeof values)[]
    for (const type of types)
      server.add(new ServerPv(`${prefix}${type}`, { type, value: values[type], limits, ...common }))
    server.add(
      new ServerPv(`${prefix}enum`, { type: "enum", value: "Two", enumStrings: ["One", "Two"], ...common }),
    )
    server.add(new ServerPv(`${prefix}string`, { type: "string", value: "words", ...common }))
    server.add(new ServerPv(`${prefix}array`, { type: "double", value: [1, 2, 3], maxCount: 9, ...common }))

    const names = server.pvs.map(pv => pv.name)
    const seen = await python<Record<string, unknown>>(script, {
      args: names,
      env: {
        EPICS_CA_SERVER_PORT: String(server.searchPort),
        EPICS_CA_ADDR_LIST: "127.0.0.1",
        EPICS_CA_AUTO_ADDR_LIST: "NO",
      },
    })
    expect(seen.map(entry => entry["name"])).toEqual(names)
    for (const entry of seen) {
      const type = (entry["name"] as string).slice(prefix.length) as
        | keyof typeof values
        | "enum"
        | "string"
        | "array"
      const value =
        type === "array" ? [1, 2, 3] : [type === "enum" ? 1 : type === "string" ? "words" : values[type]]
      const alarm = { value, status: 4, severity: 1 }
      const described =
        type === "enum"
          ? { enum_strings: ["One", "Two"] }
          : type === "string"
            ? {}
            : { units: "mm", ...(type !== "array" && { lower_disp_limit: 1, upper_disp_limit: 9 }) }
      expect(entry).toMatchObject({
        // caproto asks for an enum's text unless it is told a type.
        type: (type === "enum"
          ? "string"
          : type === "array"
            ? "double"
            : type === "short"
              ? "int"
              : type
        ).toUpperCase(),
        value: type === "enum" ? ["Two"] : value,
        status: alarm,
        time: { ...alarm, stamp: [1_700_000_000 - 631_152_000, 42] },
        graphic: { ...alarm, ...described },
        control: { ...alarm, ...described },
        heard: [type === "enum" ? ["Two"] : value],
        put: 1,
      })
    }
  })
})
