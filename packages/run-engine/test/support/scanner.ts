/** Scans without end: metadata in `FOLDER/md.json`, runs in `FOLDER/runs`; prints each scan id. */
import { join } from "node:path"
import { bp, RunEngine } from "@ophyd-ts/run-engine"
import { fileMetadata, jsonLinesRecorder } from "@ophyd-ts/run-engine/node"
import { simDetector, simMotor } from "@ophyd-ts/run-engine/testing"

const folder = process.argv[2] ?? "."
const RE = new RunEngine({ metadata: fileMetadata(join(folder, "md.json")) })
RE.subscribe(jsonLinesRecorder(join(folder, "runs")), { strict: true })
for (;;) {
  await RE.run(bp.scan([simDetector("d")], simMotor("m"), 0, 1, 20))
  process.stdout.write(`${RE.metadata.get("scan_id")}\n`)
}
