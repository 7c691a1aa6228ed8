/**
 * The embedded beamline in a process of its own: `ioc.ts PREFIX COLUMNS ROWS`. Prints the variables that lead to it. Each line of
 * input then asks for the lateness of its event loop since the line before: prints milliseconds, 99th percentile.
 */
import { monitorEventLoopDelay } from "node:perf_hooks"
import { createInterface } from "node:readline"
import { startBeamline } from "@ophyd-ts/ioc-sim"

const [prefix = "bench:", columns = "64", rows = "64"] = process.argv.slice(2)
const size = [Number(columns), Number(rows)] as const
const beamline = await startBeamline({ prefix, areaDetector: { sensor: size, size } })
console.log(JSON.stringify(beamline.clientEnvironment()))

const resolution = 1
const delay = monitorEventLoopDelay({ resolution })
delay.enable()
for await (const _ of createInterface({ input: process.stdin })) {
  // What it records is the time between two looks, one resolution apart when nothing is late.
  console.log(JSON.stringify(Math.max(0, delay.percentile(99) / 1e6 - resolution)))
  delay.reset()
}
await beamline.close()
process.exit(0)
