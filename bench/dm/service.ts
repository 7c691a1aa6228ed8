/** A simulated DM service in a process of its own, so that its work is not counted as the client's. */
import { rmSync } from "node:fs"
import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { startDmService } from "@ophyd-ts/ioc-sim"

const dataRoot = await mkdtemp(join(tmpdir(), "ophyd-ts-bench-dm-"))
const stages = Object.fromEntries(
  ["01-PREPARE", "02-CORRELATE", "03-STORE"].map(id => [id, { command: `/usr/bin/do-${id} $filePath` }]),
)
const service = await startDmService({
  dataRoot,
  workflows: [{ name: "long", stages }],
  commands: [{ command: "*", play: { seconds: 3600 } }],
})

process.on("message", (seconds: number) => {
  service.control.clearFaults()
  if (seconds > 0) service.control.fault({ kind: "delay", seconds, times: Number.POSITIVE_INFINITY })
  process.send?.("set")
})
process.on("disconnect", () => {
  rmSync(dataRoot, { recursive: true, force: true })
  process.exit(0)
})
process.send?.(service.environment())
