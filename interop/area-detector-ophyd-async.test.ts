/** The same plan, run by bluesky with ophyd-async's SimDetector and by ours, gives documents that say the same. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SimDetector, staticPaths } from "@ophyd-ts/area-detector"
import { connect } from "@ophyd-ts/core"
import { startBeamline } from "@ophyd-ts/ioc-sim"
import { bp, RunEngine } from "@ophyd-ts/run-engine"
import { CaClient } from "node-epics-ca"
import { describe, expect, it } from "vitest"
import { peers, python } from "./peers.ts"

const script = readFileSync(new URL("./python/area_detector_ophyd_async.py", import.meta.url), "utf8")

type Documents = [name: string, doc: Record<string, unknown>][]

/** What the documents say of the frames; names that the two projects choose differently are left out. */
function essence(documents: Documents, key: string) {
  const of = (name: string) => documents.flatMap(([n, doc]) => (n === name ? [doc] : []))
  const dataKeys = (of("descriptor")[0]?.["data_keys"] ?? {}) as Record<string, Record<string, unknown>>
  const { dtype, shape, dtype_numpy, external } = dataKeys[key] ?? {}
  const [resource = {}] = of("stream_resource")
  const { dataset, chunk_shape } = resource["parameters"] as Record<string, unknown>
  return {
    order: documents.map(([name]) => name),
    key: { dtype, shape, dtype_numpy, external },
    resource: { mimetype: resource["mimetype"], dataset, chunk_shape },
    datums: of("stream_datum").map(({ indices, seq_nums }) => ({ indices, seq_nums })),
    events: of("event").map(({ seq_num, filled }) => ({ seq_num, filled })),
    stop: of("stop").map(({ exit_status, num_events }) => ({ exit_status, num_events })),
  }
}

describe.skipIf(!(peers().ophydAsync && peers().bluesky && peers().aioca))(
  "ophyd-async's SimDetector",
  () => {
    it("and ours make documents of the same content on the same IOC", async () => {
      const prefix = `t${Math.random().toString(36).slice(2, 8)}:`
      const directory = mkdtempSync(join(tmpdir(), "area-detector-"))
      await using beamline = await startBeamline({ prefix, areaDetector: { sensor: [40, 30] } })
      const client = new CaClient(beamline.clientConfig().ca)
      const det = new SimDetector(`${prefix}ad:`, { name: "det", client, paths: staticPaths(directory) })
      await connect(det, { timeout: 20 })
      await det.cam.acquireTime.set(0.002)
      const ours: Documents = []
      const RE = new RunEngine()
      RE.subscribe((name, doc) => void ours.push([name, { ...doc }]))
      await RE.run(bp.count([det], 3))
      const args = [prefix, directory, "3"]
      const theirs = await python<Documents[number]>(script, { args, env: beamline.clientEnvironment() })
      expect(essence(ours, "det_image")).toEqual(essence(theirs, "det"))
      await client.close()
      rmSync(directory, { recursive: true, force: true })
    })
  },
)
