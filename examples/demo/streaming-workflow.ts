/** The workflow of `--mode streaming`: one of its stages is a real process that works on the frames. */
import { join } from "node:path"
import { type CommandRule, stageProcess } from "@ophyd-ts/ioc-sim"

const stages = {
  "01-START": { command: "/bin/date +%s" },
  "02-CONSUME": {
    command:
      "/opt/analysis/consumer --address=$streamAddress --prefix=$streamPrefix --session=$streamSession --data=$dataPv --data-address=$dataAddress",
    outputVariableRegexList: ["frames=(?P<frames>\\d+)", "missed=(?P<missed>\\d+)", "sum=(?P<sum>\\d+)"],
  },
  "03-STORE": { command: "/opt/analysis/store --frames $frames --missed $missed --sum $sum" },
}

const program = join(import.meta.dirname, "..", "dm-streaming", "consumer.ts")

/** Give both parts to `startDmService`. */
export function streamingWorkflow(failStage: number | null): {
  workflow: { name: string; stages: typeof stages }
  commands: CommandRule[]
} {
  const workflow = { name: "centre-of-frames", description: "Works on frames while they are taken", stages }
  const commands: CommandRule[] = [
    {
      stage: "02-CONSUME",
      play: stageProcess({
        file: process.execPath,
        args: ["--import", "tsx", "--conditions=@ophyd-ts/source", program],
        cwd: import.meta.dirname,
      }),
    },
    {
      stage: "03-STORE",
      play: async ({ jobId, variables: { frames, missed, sum }, store }) => {
        const result = { job: jobId, frames: Number(frames), missed: Number(missed), sum: Number(sum) }
        const file = await store(`frames-${jobId.slice(0, 8)}.json`, `${JSON.stringify(result, null, 2)}\n`)
        return { stdOut: `${file}\n` }
      },
    },
  ]
  const failing = Object.keys(stages)[failStage ?? -1]
  if (failing === undefined) return { workflow, commands }
  const play = { exitStatus: 1, stdErr: `${failing}: failed on request\nno result was written\n` }
  return { workflow, commands: [{ stage: failing, play }, ...commands] }
}
