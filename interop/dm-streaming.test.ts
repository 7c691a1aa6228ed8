import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { collectStreaming } from "@ophyd-ts/aps-dm"
import { stageProcess } from "@ophyd-ts/ioc-sim"
import { describe, expect, it } from "vitest"
import { temporaryDirectory } from "../packages/aps-dm/test/support/service.ts"
import { exposures, setUpStream } from "../packages/aps-dm/test/support/stream.ts"
import { peers } from "./peers.ts"

/** The workflow's side of the protocol as the guide describes it, in another language and over another library. */
const consumer = `
import argparse, queue, threading, uuid
from p4p.client.thread import Context

parser = argparse.ArgumentParser()
for name in "address", "prefix", "session", "data", "data-address":
    parser.add_argument("--" + name)
a = parser.parse_args()
conf = {"EPICS_PVA_NAME_SERVERS": a.address + " " + a.data_address, "EPICS_PVA_ADDR_LIST": "", "EPICS_PVA_AUTO_ADDR_LIST": "NO"}
ctx = Context("pva", conf=conf, useenv=False, nt=False)
me = {"session": a.session, "consumer": str(uuid.uuid4())}
state = {"state": "starting", "message": "", "heartbeat": 0, "received": 0, "missed": 0, "processed": 0, "lastFrame": -1}
lock = threading.Lock()

def report(**news):
    with lock:
        state.update(news, heartbeat=state["heartbeat"] + 1)
        ctx.put(a.prefix + "report", {**me, **state})

frames, orders = queue.Queue(), queue.Queue()
report(state="starting")
ctx.monitor(a.prefix + "command", lambda order: orders.put((order.command, order.frames)))
ctx.monitor(a.data, frames.put, request="record[pipeline=true,queueSize=16]field()")
frames.get(timeout=20)  # what was there before
report(state="ready")
done, stop = 0, None
while stop is None or done < stop:
    while not orders.empty():
        command, count = orders.get()
        if command == "abort":
            raise SystemExit("the plan has given up")
        if command == "stop":
            stop = count
    try:
        frame = frames.get(timeout=0.05)
    except queue.Empty:
        report()
        continue
    done += 1
    number = int(frame.value[0])
    ctx.put(a.prefix + "results", {**me, "batch": done, "frames": [frame.uniqueId], "names": ["number", "twice"], "values": [number, 2 * number]})
    report(state="running", received=done, processed=done, lastFrame=frame.uniqueId)
report(state="finished")
print("frames=%d" % done)
`

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
