import { readFileSync } from "node:fs"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { collectStreaming } from "@ophyd-ts/aps-dm"
import { stageProcess } from "@ophyd-ts/ioc-sim"
import { describe, expect, it } from "vitest"
import { temporaryDirectory } from "../packages/aps-dm/test/support/service.ts"
import { exposures, setUpStream } from "../packages/aps-dm/test/support/stream.ts"
import { blocksOf } from "../test/support/page-blocks.ts"
import { peers } from "./peers.ts"

/** The workflow's side of the protocol in another language and over another library, as the guide shows it. */
const guide = readFileSync(new URL("../docs/integrate-dm.md", import.meta.url), "utf8")
const consumer = blocksOf(guide).find(({ file }) => file === "consume.py")?.text ?? ""

describe.skipIf(!peers().p4p)("a workflow written in Python", () => {
  it("streams with a plan over p4p", async () => {
    const script = join(await temporaryDirectory(), "consumer.py")
    await writeFile(script, consumer)
    const play = stageProcess({ file: peers().python ?? "python3", args: [script] })
    const { RE, camera, collect, events } = await setUpStream(play)
    const { value } = await RE.run(
      collectStreaming(collect(exposures(camera, 30), { frames: 30, link: { heartbeatTimeout: 20 } })),
    )
    expect(value).toMatchObject({
      job: { status: "done" },
      report: { state: "finished", received: 30, missed: 0, lastFrame: 30 },
    })
    expect(events("dm_results")).toEqual(
      Array.from({ length: 30 }, (_, i) => ({
        dm_results_frame: i + 1,
        dm_results_number: i + 1,
        dm_results_twice: 2 * (i + 1),
      })),
    )
  })
})
