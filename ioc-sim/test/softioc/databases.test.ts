import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { PvaClient } from "pvxs-node"
import { expect, it } from "vitest"
import { startBeamline } from "../../src/index.ts"
import { packageFolder } from "../../src/softioc/python.ts"

it("the embedded beamline serves every PV that the databases do", async () => {
  await using beamline = await startBeamline({ prefix: "" })
  await using client = new PvaClient(beamline.clientConfig().pva)
  const folder = join(packageFolder, "db")
  const text = readdirSync(folder)
    .map(file => readFileSync(join(folder, file), "utf8"))
    .join("")
  const found = [...text.matchAll(/(?:^|\n)record\(\w+, "\$\(P\)([^"]+)"\)|"\$\(P\)([\w:]+)":/g)]
  // What begins with _ is for the database itself.
  const names = new Set(
    found.map(([, record, group]) => record ?? group ?? "").filter(name => !/(^|:)_/.test(name)),
  )
  expect(names.size).toBeGreaterThan(15)
  const served = new Set([...beamline.pvNames])
  const missing = [...names].filter(name => !served.has(name))
  for (const name of missing) await client.get(name, { timeout: 5 })
})
