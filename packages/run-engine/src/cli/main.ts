#!/usr/bin/env node
/** The program `ophyd-ts`: runs, summarises and lists the plans of a file. */
import { main } from "./program.ts"

// The reader of a pipe, such as `head`, may have had enough, and a disk may be full: a plan goes on without its table.
const unwritten = { error: null as NodeJS.ErrnoException | null }
for (const stream of [process.stdout, process.stderr])
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") unwritten.error ??= error
  })

const write = (stream: NodeJS.WriteStream) => (text: string) => void stream.write(text)

const exitCode = await main(process.argv.slice(2), { out: write(process.stdout), err: write(process.stderr) })
// Devices may hold connections that would keep the process alive; what was written goes out first.
await new Promise(resolve => process.stdout.write("", resolve))
if (unwritten.error !== null)
  process.stderr.write(`the output could not be written: ${unwritten.error.message}\n`)
process.exit(exitCode === 0 && unwritten.error !== null ? 1 : exitCode)
