#!/usr/bin/env node
/** The program `ophyd-ts-dm`, which `ophyd-ts dm` runs: APS Data Management from the command line. */
import { main } from "./program.ts"

const interrupt = new AbortController()
process.once("SIGINT", () => interrupt.abort(new Error("interrupted")))

// The reader of a pipe, such as `head`, may have had enough: what it does not read is lost, what was begun is not.
const unwritten = { error: null as NodeJS.ErrnoException | null }
for (const stream of [process.stdout, process.stderr])
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") unwritten.error ??= error
  })

const write = (stream: NodeJS.WriteStream) => (text: string) => void stream.write(text)
const status = await main(process.argv.slice(2), {
  out: write(process.stdout),
  err: write(process.stderr),
  tty: process.stderr.isTTY === true,
  columns: process.stderr.columns,
  environment: process.env,
  interrupt: interrupt.signal,
})
// What was written goes out first.
await new Promise(resolve => process.stdout.write("", resolve))
if (unwritten.error !== null)
  process.stderr.write(`the output could not be written: ${unwritten.error.message}\n`)
process.exit(status === 0 && unwritten.error !== null ? 1 : status)
