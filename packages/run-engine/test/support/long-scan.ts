/** One long run with a recorder; prints the heap in use at the first and the last tenth. */
import { bp, RunEngine } from "@ophyd-ts/run-engine"
import { jsonLinesRecorder } from "@ophyd-ts/run-engine/node"
import { simDetector, simMotor } from "@ophyd-ts/run-engine/testing"

const [folder = ".", points = "1000"] = process.argv.slice(2)
const num = Number(points)
const RE = new RunEngine()
RE.subscribe(jsonLinesRecorder(folder), { strict: true })
let seen = 0
const heap: number[] = []
RE.subscribe(
  () => {
    seen++
    if (seen === Math.floor(num / 10) || seen === num) {
      globalThis.gc?.()
      heap.push(process.memoryUsage().heapUsed)
    }
  },
  { name: "event" },
)
await RE.run(bp.count([simDetector("d"), simMotor("m")], num))
console.log(JSON.stringify({ seen, growth: heap[1]! - heap[0]! }))
