/** The example's file-based program in a process of its own, so that it can be killed. Its options come as JSON. */
import { DmClient, dmConfig } from "@ophyd-ts/aps-dm"
import { CaClient } from "node-epics-ca"
import { runProgram } from "../../examples/dm-file-based/program.ts"

const { ca, ...options } = JSON.parse(process.argv[2] ?? "{}")
await using epics = new CaClient(ca)
await runProgram({
  ...options,
  epics,
  dm: new DmClient(dmConfig.fromEnvironment()),
  write: text => void process.stdout.write(text),
})
