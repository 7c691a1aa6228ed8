import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { describe, expect, it, type TestContext } from "vitest"
import { root } from "../scripts/workspace.ts"
import { peers } from "./peers.ts"

async function demo(
  { onTestFinished }: TestContext,
  ...args: string[]
): Promise<{ output: string; code: number }> {
  const script = join("examples", "demo", "main.ts")
  const options = ["--import", "tsx", "--conditions=@ophyd-ts/source", script, ...args]
  const child = spawn(process.execPath, options, { cwd: root, stdio: "pipe" })
  onTestFinished(() => void child.kill("SIGKILL"))
  let output = ""
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  const [code] = (await once(child, "close")) as [number]
  return { output, code }
}

describe.concurrent("the demo on a genuine IOC", () => {
  const found = peers()

  it.skipIf(!found.softIoc)(
    "scans what records can serve, and says that it is a point detector",
    async context => {
      const { output, code } = await demo(context, "--ioc", "softioc")
      expect(code, output).toBe(0)
      expect(output).toContain("A genuine softIoc with a point detector")
      expect(output).toMatch(/\| +21 \| \S+ \| +3\.0000 \| +\d+ \|/)
      expect(Number(/centre found +(\S+) mm/.exec(output)?.[1])).toBeCloseTo(0.5, 1)
      expect(output).toMatch(/data\/scans\/scan-[0-9a-f]{8}\.dat/)
    },
    120_000,
  )

  it.skipIf(!found.container)(
    "does the same in a container",
    async context => {
      const { output, code } = await demo(context, "--ioc", "container")
      expect(code, output).toBe(0)
      expect(output).toContain("A genuine softIoc in a container with a point detector")
      expect(Number(/centre found +(\S+) mm/.exec(output)?.[1])).toBeCloseTo(0.5, 1)
    },
    600_000,
  )
})
