/**
 * What a stage of the workflow starts: a process that takes every frame, works on it, and sends what it finds to the
 * plan. It ends when the plan says so, and its exit status is that of the stage. The stage's command:
 *
 *     consumer --address=$streamAddress --prefix=$streamPrefix --session=$streamSession \
 *              --data=$dataPv --data-address=$dataAddress
 */
import { parseArgs } from "node:util"
import { consumeFrames } from "@ophyd-ts/aps-dm"
import { centreOfMass } from "./analysis.ts"

const text = { type: "string", default: "" } as const
const { values } = parseArgs({
  options: { address: text, prefix: text, session: text, data: text, "data-address": text },
})

let counts = 0
try {
  const { received, missed } = await consumeFrames(
    {
      address: values.address,
      prefix: values.prefix,
      session: values.session,
      data: { pv: values.data, address: values["data-address"] },
    },
    frame => {
      const found = centreOfMass(frame)
      counts += found.sum
      return found
    },
  )
  // What a stage prints can become variables of the job: see `outputVariableRegexList` of the workflow.
  console.log(`frames=${received}\nmissed=${missed}\nsum=${counts}`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
