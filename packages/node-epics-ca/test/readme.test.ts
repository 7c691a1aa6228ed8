import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { expect, onTestFinished, test, vi } from "vitest"
import { codeOf } from "../../../test/support/page-blocks.ts"
import { CaServer, ServerPv } from "../src/index.ts"

test("the examples of the README run as they stand", async () => {
  const server = await CaServer.listen()
  const position = server.add(new ServerPv("S1:m1.RBV", { type: "double", value: 1, units: "mm" }))
  const onPut = (value: number): void => position.post(value)
  const target = server.add(new ServerPv("S1:m1.VAL", { type: "double", value: 1, onPut }))
  const shutter = server.add(
    new ServerPv("S1:shutter", { type: "enum", enumStrings: ["Close", "Open"], value: 0 }),
  )
  const moving = setInterval(() => position.post(target.value + Math.random()), 5)
  onTestFinished(async () => {
    clearInterval(moving)
    await server.close()
  })
  vi.stubEnv("EPICS_CA_NAME_SERVERS", `127.0.0.1:${server.port}`)
  vi.stubEnv("EPICS_CA_ADDR_LIST", "")
  const printed: unknown[][] = []
  vi.spyOn(console, "log").mockImplementation((...line) => void printed.push(line))
  onTestFinished(() => {
    vi.unstubAllEnvs()
    vi.restoreAllMocks()
  })

  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8")
  const blocks = codeOf(readme, "ts")
  expect(blocks).toHaveLength(2)
  const folder = await mkdtemp(join(tmpdir(), "node-epics-ca-readme-"))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (const [i, block] of blocks.entries()) {
    const source = new URL("../src/index.ts", import.meta.url).href
    const code = block
      .replace('"node-epics-ca"', JSON.stringify(source))
      .replace("gateway.example.org:5064", `127.0.0.1:${server.port}`)
    const file = join(folder, `example${i}.ts`)
    await writeFile(file, code)
    await import(/* @vite-ignore */ pathToFileURL(file).href)
  }
  expect(target.value).toBe(2.5)
  expect(shutter.value).toBe(1)
  expect(printed).toContainEqual(["mm", 0])
  expect(printed.length).toBeGreaterThanOrEqual(5)
})
