/** `npm run ioc:install [-- --peers]`: gets the genuine softIoc, and with `--peers` all that the interop tests use. */
import { parseArgs } from "node:util"
import { installPython } from "../softioc/install.ts"

try {
  const { values } = parseArgs({ options: { peers: { type: "boolean", default: false } } })
  const { venv, changed } = await installPython({ ...values, report: line => console.log(line) })
  console.log(changed ? `installed into ${venv}` : `${venv} is complete`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
