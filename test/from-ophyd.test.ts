import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as areaDetector from "@ophyd-ts/area-detector"
import * as core from "@ophyd-ts/core"
import * as coreTesting from "@ophyd-ts/core/testing"
import * as epics from "@ophyd-ts/epics"
import * as iocSim from "@ophyd-ts/ioc-sim"
import * as engineTesting from "@ophyd-ts/run-engine/testing"
import { expect, it } from "vitest"
import { root } from "../scripts/workspace.ts"

const page = readFileSync(join(root, "docs", "from-ophyd.md"), "utf8")
const rows = [...page.matchAll(/^\| (?<theirs>.*?) \| (?<ours>.*?) \|$/gm)].filter(
  ({ groups }) => groups?.["theirs"]?.includes("`") === true,
)

const entries: Record<string, unknown> = {
  ...areaDetector,
  ...core,
  ...coreTesting,
  ...epics,
  ...iocSim,
  ...engineTesting,
}

/** Members of what is exported: methods, accessors, statics, and fields of a device. */
function members(): Set<string> {
  const found = new Set<string>()
  for (const value of Object.values(entries)) {
    if (typeof value !== "function") continue
    for (const name of Object.getOwnPropertyNames(value)) found.add(name)
    for (let at = value.prototype; at !== undefined && at !== null; at = Object.getPrototypeOf(at))
      for (const name of Object.getOwnPropertyNames(at)) found.add(name)
  }
  const motor = new epics.EpicsMotor("X:m1")
  for (const name of Object.keys(motor)) found.add(name)
  return found
}

/** Options and members of interfaces, which leave no trace at run time. */
const typesOnly = new Set([
  ...[
    "verify",
    "monitor",
    "completion",
    "tolerance",
    "kind",
    "timeout",
    "triggerValue",
    "stableFor",
    "fraction",
  ],
  ...["finish", "fail", "SignalBackend", "collectAssetDocs", "fileName", "PathProvider"],
])

it("the table from ophyd names only what there is", () => {
  expect(rows.length).toBeGreaterThan(50)
  const known = members()
  const missing: string[] = []
  for (const { groups } of rows) {
    for (const [, span = ""] of groups?.["ours"]?.matchAll(/`([^`]+)`/g) ?? []) {
      if (span.startsWith("@") || span.startsWith('"')) continue
      const path = span.replace(/^this\.(signal|soft)\./, "").replace(/\(.*$/, "")
      const names = path.split(".").map(name => name.trim())
      if (names.every(name => name in entries || known.has(name) || typesOnly.has(name))) continue
      missing.push(span)
    }
  }
  expect(missing).toEqual([])
})
