import { readFile } from "node:fs/promises"
import { describe, expect, it } from "vitest"
import * as entry from "../src/index.ts"

const guide = await readFile(new URL("../../../docs/dm.md", import.meta.url), "utf8")
const section = (title: string): string => guide.split(/^## /m).find(part => part.startsWith(title)) ?? ""

describe("the guide", () => {
  it("lists the routes as they are in the table", () => {
    const rows = new entry.DmRoutes().rows
    const cell = (form: Readonly<Record<string, string>> = {}) =>
      Object.entries(form)
        .map(([name, kind]) => (kind === "plain" ? name : `${name}*`))
        .join(", ")
    const inferred = rows
      .filter(row => row.evidence === "inferred")
      .map(row => `| ${row.call} | ${row.service} | ${row.verb} | \`/dm${row.path}\` | ${cell(row.query)} |`)
    const listed = [...section("Routes").matchAll(/^\| \w+ \| .*\|$/gm)].map(([line]) => line).slice(1)
    expect(listed).toEqual(inferred)
    for (const { call } of rows.filter(row => row.evidence === "known"))
      expect(section("Routes")).toContain(`\`${call}\``)
  })

  it("names only what the package has", () => {
    const named = [...section("From apstools").matchAll(/^\| `.*?` \| (.*?) \|/gm)].flatMap(([, cell = ""]) =>
      [...cell.matchAll(/`(\w+)(?:\.\w+)?`/g)].map(([, name = ""]) => name),
    )
    expect(named.length).toBeGreaterThan(25)
    for (const name of named) if (name !== "dm") expect(Object.keys(entry)).toContain(name)
    const imported = [...guide.matchAll(/import \{ ([^}]*) \} from "@ophyd-ts\/aps-dm"/g)].flatMap(
      ([, names = ""]) => names.split(", "),
    )
    for (const name of imported) expect(Object.keys(entry)).toContain(name)
  })

  it("names only members that the classes have", () => {
    const client = {} as entry.WorkflowConnectorOptions["client"]
    const objects = [
      new entry.DM_WorkflowConnector({ name: "dm_workflow", client }),
      new entry.DM_WorkflowCache(),
      entry,
    ]
    const rows = [...section("From the connector").matchAll(/^\| .*? \| (.*?) \|/gm)].slice(2)
    expect(rows.length).toBeGreaterThan(10)
    for (const [, cell = ""] of rows) {
      for (const [, name = ""] of cell.matchAll(/`(\w+)`/g))
        expect(
          objects.some(object => name in object),
          name,
        ).toBe(true)
    }
  })
})
