/**
 * Runs a command-line program to its end and sets the exit status that `run` gives. Its signal says that there is nobody to go on
 * for: at the first SIGINT or SIGTERM (the second one ends the process at once), or when the output can no longer be
 * written. That is no failure when its reader has had enough (`| head`); when a disk is full it is told on standard error, and
 * the exit status is not 0.
 */
export async function runProgram(run: (stop: AbortSignal) => Promise<number>): Promise<void> {
  const stop = new AbortController()
  const end = (): void => stop.abort()
  process.once("SIGINT", end)
  process.once("SIGTERM", end)
  const failures: Error[] = []
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") failures.push(error)
    end()
  })
  const exitCode = await run(stop.signal)
  // What was written goes out first, and shows whether it could.
  await new Promise(resolve => process.stdout.write("", resolve))
  const [unwritten] = failures
  if (unwritten !== undefined) process.stderr.write(`the output could not be written: ${unwritten.message}\n`)
  process.exitCode = unwritten === undefined ? exitCode : exitCode || 1
}
