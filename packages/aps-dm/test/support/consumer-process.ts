/** A workflow's process that misbehaves as its words say; otherwise it does what `work` of `stream.ts` does. */
import { parseArgs } from "node:util"
import { consumeFrames, WorkflowSide } from "../../src/index.ts"

const text = { type: "string", default: "" } as const
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    address: text,
    prefix: text,
    session: text,
    data: text,
    "data-address": text,
    patience: { type: "string", default: "10" },
  },
})
const { address, prefix, session, data } = values
const [trouble = "none", at = "0"] = positionals

if (trouble === "never-ready") {
  await WorkflowSide.open({ address, prefix, session })
} else {
  let frames = 0
  await consumeFrames(
    {
      address,
      prefix,
      session,
      data: { pv: data, address: values["data-address"] },
      patience: Number(values.patience),
    },
    frame => {
      frames += 1
      if (frames === Number(at)) {
        if (trouble === "crash") process.kill(process.pid, "SIGKILL")
        if (trouble === "throw") throw new Error("the analysis found no beam")
        if (trouble === "stall") process.kill(process.pid, "SIGSTOP")
      }
      const number = Number(frame.data[0])
      return { number, twice: 2 * number }
    },
  )
  console.log(`frames=${frames}`)
}
