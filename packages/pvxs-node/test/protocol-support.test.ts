import { existsSync, readFileSync } from "node:fs"
import { expect, it } from "vitest"

const root = new URL("../../../", import.meta.url)
const page = readFileSync(new URL("docs/protocol-support-pva.md", root), "utf8")
const rows = page
  .split("\n")
  .filter(line => line.startsWith("| ") && !line.includes("shown by"))
  .map(line => line.split("|").map(cell => cell.trim()))

/** Test files that a cell names: `client/phases`, `interop/pva-qsrv1`. */
const testsIn = (cell: string): string[] =>
  [...cell.matchAll(/`((interop\/)?[\w/-]+)`/g)].map(([, name = ""]) =>
    name.startsWith("interop/") ? name : `packages/pvxs-node/test/${name}`,
  )

it("every row of the support page names the tests that show it, and they exist", () => {
  expect(rows.length).toBeGreaterThan(60)
  for (const row of rows) {
    const tests = testsIn(row.at(-2) ?? "")
    expect(tests, `${row[1]}: names no test`).not.toEqual([])
    for (const name of tests)
      expect(existsSync(new URL(`${name}.test.ts`, root)), `${row[1]}: ${name}`).toBe(true)
  }
})
