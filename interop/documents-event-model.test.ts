/** Everything the engine emits is valid by the schemas that event-model publishes, and by its own validators. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { fileURLToPath } from "node:url"
import {
  boolean,
  choice,
  type DataKey,
  double,
  float64Array,
  int64,
  Status,
  softSignal,
  string,
  stringArray,
  table,
  uint16Array,
} from "@ophyd-ts/core"
import {
  bp,
  bpp,
  bps,
  DocumentRules,
  documentToJson,
  type NamedDocument,
  type Plan,
  RunEngine,
} from "@ophyd-ts/run-engine"
import { simDetector, simMotor } from "@ophyd-ts/run-engine/testing"
import { Ajv2020 } from "ajv/dist/2020.js"
import { beforeAll, describe, expect, it } from "vitest"
import { peers, python } from "./peers.ts"

const schemaFiles = {
  start: "run_start",
  descriptor: "event_descriptor",
  event: "event",
  event_page: "event_page",
  stream_resource: "stream_resource",
  stream_datum: "stream_datum",
  stop: "run_stop",
} as const

const [motor, other, det] = [simMotor("motor"), simMotor("other"), simDetector("det")]

const flyer = {
  name: "flyer",
  kickoff: () => Status.finished(),
  complete: () => Status.finished(),
  describeCollect: () => ({ flown: { source: "sim", dtype: "number" as const, shape: [] } }),
  *collect() {
    for (let i = 0; i < 3; i++) yield { time: i, data: { flown: i }, timestamps: { flown: i } }
  },
}

/** A detector that writes its frames to a file. */
const writer = () => {
  let frames = 0
  const image: DataKey = {
    source: "sim",
    dtype: "array",
    shape: [1, 4, 4],
    dtype_numpy: "<u2",
    external: "STREAM:",
  }
  return {
    name: "cam",
    trigger: () => {
      frames++
      return Status.finished()
    },
    read: () => ({}),
    describe: () => ({ cam: image }),
    getIndex: () => frames,
    *collectAssetDocs() {
      const parameters = { dataset: "/entry/data", chunk_shape: [1, 4, 4] }
      const resource = {
        data_key: "cam",
        mimetype: "application/x-hdf5",
        uri: "file://localhost/x.h5",
        parameters,
      }
      if (frames === 1) yield { kind: "stream_resource" as const, doc: { uid: "cam-file", ...resource } }
      const indices = { start: frames - 1, stop: frames }
      yield {
        kind: "stream_datum" as const,
        doc: { uid: `cam-${frames}`, stream_resource: "cam-file", indices },
      }
    },
  }
}

/** One signal of each type that a key may have. */
const values = [
  softSignal(double, { name: "double", units: "mm", precision: 3, limits: { control: { low: 0, high: 1 } } }),
  softSignal(int64, { name: "int64", initial: 2n ** 60n }),
  softSignal(boolean, { name: "boolean" }),
  softSignal(string, { name: "string" }),
  softSignal(choice("A", "B"), { name: "choice" }),
  softSignal(uint16Array, { name: "array", initial: Uint16Array.of(1, 2) }),
  softSignal(stringArray, { name: "strings", initial: ["a"] }),
  softSignal(table({ x: float64Array, label: stringArray }), {
    name: "table",
    initial: { x: Float64Array.of(1, Number.NaN), label: ["a", "b"] },
  }),
]

const plans: Record<string, () => Plan<unknown>> = {
  count: () => bp.count([det], 2, { md: { sample: "Si", purpose: { nested: [1, null] } } }),
  scan: () => bp.scan([det], motor, -1, 1, 3),
  "snaked grid with baseline": () =>
    bpp.baseline([motor], bp.gridScan([det], motor, 0, 1, 2, other, 0, 1, 2, { snakeAxes: true })),
  spiral: () => bp.spiral([det], { x: motor, y: other, xRange: 2, yRange: 2, dr: 1, nth: 3 }),
  monitored: () => bpp.monitorDuring([det.exposure], bp.count([det])),
  fly: () => bp.fly([flyer]),
  "file-writing detector": () => bp.count([writer(), det], 2),
  "values of every type": () => bp.count(values),
  "configured in between": () =>
    bpp.run({}, function* () {
      yield* bps.triggerAndRead([det])
      yield* bps.configure(det, { exposure: 0.001 })
      yield* bps.triggerAndRead([det])
    }),
  failed: () =>
    bpp.run({}, function* (): Plan {
      yield* bps.triggerAndRead([det])
      throw new Error("no beam")
    }),
}

describe.skipIf(!peers().eventModel)("documents and event-model", () => {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  let docs: NamedDocument[] = []

  beforeAll(async () => {
    const script = `
import json, pathlib, event_model
folder = pathlib.Path(event_model.__file__).parent / "schemas"
print(json.dumps({p.stem: json.loads(p.read_text()) for p in folder.glob("*.json")}))`
    const [schemas] = await python<Record<string, object>>(script)
    for (const [name, file] of Object.entries(schemaFiles)) ajv.addSchema(schemas![file]!, name)
    const RE = new RunEngine({ metadata: { beamline_id: "S1", versions: { "ophyd-ts": "0" } } })
    const rules = new DocumentRules()
    RE.subscribe(rules.subscriber, { strict: true })
    docs = []
    RE.documents$.subscribe(d => docs.push(d))
    for (const make of Object.values(plans)) await RE.run(make()).catch(() => {})
    rules.finish()
  })

  it("every kind of document occurs", () => {
    expect(new Set(docs.map(d => d.name))).toEqual(new Set(Object.keys(schemaFiles)))
  })

  it("every document validates against its JSON schema", () => {
    for (const { name, doc } of docs) {
      const validate = ajv.getSchema(name)!
      validate(JSON.parse(documentToJson(doc)))
      expect(validate.errors, `${name} ${documentToJson(doc)}`).toBeNull()
    }
  })

  it("event-model's own validators and bluesky's router take the same documents", async () => {
    const script = `
import json, sys
import event_model
from event_model import DocumentNames, schema_validators
class Router(event_model.DocumentRouter):
    seen = 0
    def __call__(self, name, doc, validate=False):
        Router.seen += 1
        return super().__call__(name, doc, validate=validate)
router = Router()
for line in open(sys.argv[1]):
    name, doc = json.loads(line)
    schema_validators[DocumentNames[name]].validate(doc)
    router(name, doc)
print(json.dumps(Router.seen))`
    const folder = mkdtempSync(`${tmpdir()}/documents-`)
    const file = `${folder}/run.jsonl`
    writeFileSync(file, docs.map(({ name, doc }) => documentToJson([name, doc])).join("\n"))
    const [seen] = await python<number>(script, { args: [file] })
    rmSync(folder, { recursive: true })
    expect(seen).toBeGreaterThanOrEqual(docs.length)
  })
})

describe.skipIf(!peers().bluesky || !peers().ophyd)("the recordings of bluesky", () => {
  it("are what the installed bluesky does, if it is the version that was recorded", async () => {
    const recorder = fileURLToPath(new URL("./python/record_bluesky.py", import.meta.url))
    const committed = new URL("../packages/run-engine/test/fixtures/bluesky/", import.meta.url)
    const folder = mkdtempSync(`${tmpdir()}/recordings-`)
    execFileSync(peers().python!, [recorder, folder], { stdio: "ignore" })
    for (const name of ["plans", "errors", "interruptions"]) {
      const now = JSON.parse(readFileSync(`${folder}/${name}.json`, "utf8"))
      const then = JSON.parse(readFileSync(new URL(`${name}.json`, committed), "utf8"))
      if (now.versions.bluesky === then.versions.bluesky) expect(now, name).toEqual(then)
    }
    rmSync(folder, { recursive: true })
  }, 180_000)
})
