/** `npm run dm-sim`: the simulated DM service until Ctrl-C. Prints the variables that a DM client reads. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { demoWorkflow, startDmService } from "../index.ts"

const usage = `npm run dm-sim -- [options]

  --data DIR          where experiments are stored (default: a temporary directory, removed at the end)
  --port N            first of six ports, the last one for control (default: free ones)
  --station NAME      default 255IDZ
  --experiment NAME   an experiment that exists from the beginning; may be repeated (default: example-01)
  --tls               HTTPS with a new certificate that signs itself
  --session SECONDS   life of a login session (default 3600)
`

const fail = (message: string): never => {
  console.error(message)
  process.exit(2)
}

const readArguments = () => {
  try {
    return parseArgs({
      options: {
        data: { type: "string" },
        port: { type: "string", default: "0" },
        station: { type: "string", default: "255IDZ" },
        experiment: { type: "string", multiple: true, default: ["example-01"] },
        tls: { type: "boolean", default: false },
        session: { type: "string", default: "3600" },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : error}\n\n${usage}`)
  }
}

const number = (name: string, text: string, max: number): number => {
  const value = Number(text)
  const good = text.trim() !== "" && Number.isInteger(value) && value >= 0 && value <= max
  return good ? value : fail(`--${name}: "${text}" is not a whole number from 0 to ${max}\n\n${usage}`)
}

const quoted = (text: string): string =>
  /^[\w./:,-]*$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`

const values = readArguments()
if (values.help) {
  console.log(usage)
  process.exit(0)
}

const port = number("port", values.port, 65_530)
const sessionSeconds = number("session", values.session, 1e9)
const temporary = values.data === undefined ? await mkdtemp(join(tmpdir(), "ophyd-ts-dm-")) : undefined
const removeTemporary = async () => {
  if (temporary !== undefined) await rm(temporary, { recursive: true, force: true })
}
const demo = demoWorkflow()
const service = await startDmService({
  dataRoot: values.data ?? temporary ?? "",
  port,
  controlPort: port === 0 ? 0 : port + 5,
  station: values.station,
  tls: values.tls,
  sessionSeconds,
  experiments: values.experiment.map(name => ({ name })),
  workflows: [demo.workflow],
  commands: demo.commands,
}).catch(async (error: unknown) => {
  await removeTemporary()
  return fail(error instanceof Error ? error.message : String(error))
})

console.log("# Simulated DM service. Paste these lines where a DM client is to run:")
for (const [name, value] of Object.entries(service.environment()))
  console.log(`export ${name}=${quoted(value)}`)
console.log(
  `# experiments ${values.experiment.join(", ")}; workflow ${demo.workflow.name}; files in ${service.dataRoot}`,
)
if (service.caFile !== null) console.log(`# the certificate to trust (caFile): ${service.caFile}`)
console.log(`# trouble on demand: POST JSON to ${service.controlUrl}/fault and others; GET there lists them`)
console.log("# Ctrl-C ends it.")

const end = async (): Promise<void> => {
  await service.close()
  await removeTemporary()
  process.exit(0)
}
process.once("SIGINT", end)
process.once("SIGTERM", end)
process.once("SIGHUP", end)
