/**
 * `npm run demo [-- OPTIONS]`: the programs of the folders beside this one on a simulated beamline with a simulated DM
 * service. Everything stays on this machine.
 */
import { readOptions, usage } from "./options.ts"
import { runFiles } from "./run-files.ts"
import { runStreaming } from "./run-streaming.ts"
import { startStage } from "./stage.ts"

try {
  const options = readOptions(process.argv.slice(2))
  if (typeof options === "string") {
    console.error(`${options}\n${usage}`)
    process.exitCode = 2
  } else {
    await using stage = await startStage(options)
    const succeeded = options.mode === "streaming" ? await runStreaming(stage) : await runFiles(stage)
    if (!succeeded) process.exitCode = 1
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
