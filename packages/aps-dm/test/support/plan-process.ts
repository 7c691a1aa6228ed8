/** A program with a streaming plan that takes its time, to be killed. Configured by the environment. */
import { bpp, bps, type Plan, RunEngine } from "@ophyd-ts/run-engine"
import {
  collectStreaming,
  DM_WorkflowConnector,
  DmClient,
  DmExperimentSignals,
  dmConfig,
} from "../../src/index.ts"

const [experiment = "", pv = "", address = ""] = process.argv.slice(2)
const client = new DmClient(dmConfig.fromEnvironment())
const connector = new DM_WorkflowConnector({ name: "dm_workflow", client })
const signals = new DmExperimentSignals({ name: "dm" })
await signals.connect({ mock: false })
await signals.experiment.set(experiment)

function* acquire(): Plan<void> {
  yield* bpp.run({}, function* () {
    process.stdout.write("acquiring\n")
    yield* bps.sleep(600)
  })
}
const link = { results: { number: {}, twice: {} } }
const data = { pv, address }
await new RunEngine().run(
  collectStreaming({ client, signals, connector, workflow: "follow", data, link, acquire }),
)
