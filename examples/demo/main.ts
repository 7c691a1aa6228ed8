/**
 * `npm run demo [-- OPTIONS]`: the programs of the folders beside this one on a simulated beamline with a simulated DM
 * service. Everything stays on this machine.
 */
import { type DemoOptions, readOptions, usage } from "./options.ts"

/** Gives whether all went well. What is called wrongly does not wait for all that a demo needs. */
async function run(options: DemoOptions): Promise<boolean> {
  const { startStage } = await import("./stage.ts")
  await using stage = await startStage(options)
  if (options.mode === "streaming") return await (await import("./run-streaming.ts")).runStreaming(stage)
  return await (await import("./run-files.ts")).runFiles(stage)
}

// The folders go with the process, however it ends. While a plan runs, Ctrl-C is the plan's business.
process.on("SIGINT", () => {
  if (process.listenerCount("SIGINT") === 1) process.exit(130)
})
process.once("SIGTERM", () => process.exit(143))
process.once("SIGHUP", () => process.exit(129))

try {
  const options = readOptions(process.argv.slice(2))
  if (typeof options === "string") {
    console.error(`${options}\n${usage}`)
    process.exitCode = 2
  } else if (!(await run(options))) process.exitCode = 1
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
