import { existsSync, readFileSync } from "node:fs"
import { expect, test } from "vitest"

const root = new URL("../../../", import.meta.url)
const page = readFileSync(new URL("docs/protocol-support-ca.md", root), "utf8")
const rows = page
  .split("\n")
  .filter(line => line.startsWith("| ") && !line.includes("shown") && !line.startsWith("| ---"))
  .map(line => line.split("|").map(cell => cell.trim()))

/** Test files that a cell names: `client/start`, `interop/ca-client-softioc: same port`, `epics-net/search-schedule`. */
function testsIn(cell: string): string[] {
  return [...cell.matchAll(/(?:^|[\s(])((?:interop|epics-net|client|server|wire|cli)\/[\w-]+|readme)/g)].map(
    ([, name = ""]) => {
      if (name.startsWith("interop/")) return name
      if (name.startsWith("epics-net/")) return name.replace("epics-net/", "packages/epics-net/test/")
      return `packages/node-epics-ca/test/${name}`
    },
  )
}

test("every row of the tables names the tests that show it, and they exist", () => {
  expect(rows.length).toBeGreaterThan(50)
  for (const row of rows) {
    const tests = testsIn(row.at(-2) ?? "")
    expect(tests, `${row[1]}: names no test`).not.toEqual([])
    for (const name of tests) {
      expect(existsSync(new URL(`${name}.test.ts`, root)), `${row[1]}: ${name}`).toBe(true)
    }
  }
})
