import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { expect, it, onTestFinished, vi } from "vitest"
import { codeOf } from "../../../test/support/page-blocks.ts"
import { ndArray, ntNdArray, ntScalar, PvaServer, SharedPv } from "../src/index.ts"

it("the examples of the README run as they stand", async () => {
  const server = await PvaServer.open({ isolated: true })
  const temperature = SharedPv.mailbox(ntScalar("double"), { value: 20 })
  const setpoint = SharedPv.mailbox(ntScalar("double"))
  const camera = new SharedPv(ntNdArray)
  server.add("lab:temperature", temperature)
  server.add("lab:setpoint", setpoint)
  server.add("cam:image", camera)
  let uniqueId = 0
  const shooting = setInterval(
    () => camera.post(ndArray({ data: new Uint8Array(6), shape: [3, 2], uniqueId: ++uniqueId })),
    5,
  )
  vi.stubEnv("EPICS_PVA_NAME_SERVERS", `127.0.0.1:${server.port}`)
  vi.stubEnv("EPICS_PVA_ADDR_LIST", "")
  const printed: unknown[][] = []
  vi.spyOn(console, "log").mockImplementation((...line) => void printed.push(line))
  onTestFinished(async () => {
    clearInterval(shooting)
    vi.unstubAllEnvs()
    vi.restoreAllMocks()
    await server.close()
  })

  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8")
  const blocks = codeOf(readme, "ts")
  expect(blocks).toHaveLength(3)
  const folder = await mkdtemp(join(tmpdir(), "pvxs-node-readme-"))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (const [i, block] of blocks.entries()) {
    const file = join(folder, `example${i}.ts`)
    const source = new URL("../src/index.ts", import.meta.url).href
    await writeFile(file, block.replace('"pvxs-node"', JSON.stringify(source)))
    await import(/* @vite-ignore */ pathToFileURL(file).href)
  }
  expect(setpoint.value.value).toBe(21.5)
  expect(printed).toContainEqual([20, 0])
  expect(printed).toContainEqual([3])
  expect(printed).toContainEqual([7, 2])
  expect(printed).toContainEqual([{ x: Float64Array.of(1, 2), label: ["a", "b"] }])
})
