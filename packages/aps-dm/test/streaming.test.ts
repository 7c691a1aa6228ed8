import { describe, expect, it } from "vitest"
import { collectStreaming } from "../src/index.ts"
import { consumer, exposures, setUpStream, work } from "./support/stream.ts"

describe("a streaming collection", () => {
  it("acquires when the workflow is ready, and has its results in the run", async () => {
    const { RE, camera, collect, events, stop, sim, documents } = await setUpStream(consumer(work))
    const { value } = await RE.run(
      collectStreaming(collect(exposures(camera, 20), { frames: 20, title: "stream of numbers" })),
    )
    expect(value).toMatchObject({
      value: expect.any(String),
      job: { status: "done" },
      report: { state: "finished", received: 20, missed: 0, processed: 20, lastFrame: 20 },
      results: 20,
    })
    const numbers = Array.from({ length: 20 }, (_, i) => i + 1)
    expect(events("dm_results")).toEqual(
      numbers.map(n => ({ dm_results_frame: n, dm_results_number: n, dm_results_twice: 2 * n })),
    )
    expect(events("dm_workflow")).toEqual([
      expect.objectContaining({
        dm_workflow_job_id: value?.job?.id,
        dm_workflow_status: "done",
        dm_stream_state: "finished",
        dm_stream_received: 20,
        dm_stream_missed: 0,
      }),
    ])
    expect(stop()).toMatchObject({
      exit_status: "success",
      num_events: { primary: 20, dm_results: 20, dm_workflow: 1 },
    })
    expect(documents[0]?.doc).toMatchObject({
      title: "stream of numbers",
      plan_name: "exposures",
      data_management: {
        experiment: "tomo-2026-1",
        workflow: "follow",
        job_id: value?.job?.id,
        mode: "streaming",
      },
    })
    expect(sim.datasets.list("tomo-2026-1")).toEqual([
      expect.objectContaining({
        workflow_name: "follow",
        bluesky_run_uid: value?.runUid,
        bluesky_stop: expect.objectContaining({ exit_status: "success" }),
        bluesky_metadata: expect.objectContaining({ dm_results: expect.anything() }),
      }),
    ])
  })
})
