/** `npm run ioc:install`: gets the genuine softIoc and the peers of the interop tests. */
import { installPeers } from "../softioc/install.ts"

try {
  const { venv, changed } = await installPeers({ report: line => console.log(line) })
  console.log(changed ? `installed into ${venv}` : `${venv} is complete`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
