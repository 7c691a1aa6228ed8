import { existsSync, readFileSync } from "node:fs"
import { expect, test } from "vitest"

const root = new URL("../../../", import.meta.url)
const page = readFileSync(new URL("docs/protocol-support-ca.md", root), "utf8")
const rows = page
  .split("\n")
  .filter(line => line.startsWith("| ") && !line.includes("shown by"))
  .map(line => line.split("|").map(cell => cell.trim()))

test("every row of the table of supported features names tests, and they exist", () => {
  expect(rows.length).toBeGreaterThan(40)
  for (const row of rows) {
    const tests = row.at(-2)!.split(", ")
    for (const name of tests) {
      const file = name.startsWith("interop/") ? name : `packages/node-epics-ca/test/${name}`
      expect(existsSync(new URL(`${file}.test.ts`, root)), `${row[1]} ${row[2]}: ${name}`).toBe(true)
    }
  }
})
