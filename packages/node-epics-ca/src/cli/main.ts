#!/usr/bin/env node
import { run } from "./run.ts"

const stop = new AbortController()
process.once("SIGINT", () => stop.abort())
process.once("SIGTERM", () => stop.abort())
// The reader of our output has gone away (`| head`), or a disk is full: there is nobody to go on for.
let unwritten: NodeJS.ErrnoException | null = null
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") unwritten ??= error
  stop.abort()
})

const exitCode = await run(process.argv.slice(2), {
  out: line => void process.stdout.write(`${line}\n`),
  err: line => void process.stderr.write(`${line}\n`),
  stop: stop.signal,
})
// What was written goes out first, and shows whether it could.
await new Promise(resolve => process.stdout.write("", resolve))
if (unwritten !== null) {
  const { message }: Error = unwritten
  process.stderr.write(`the output could not be written: ${message}\n`)
}
process.exitCode = unwritten === null ? exitCode : exitCode || 1
