#!/usr/bin/env node
/** The program `ophyd-ts`: runs, summarises and lists the plans of a file. */
import { main } from "./program.ts"

const write = (stream: NodeJS.WriteStream) => (text: string) => void stream.write(text)

const exitCode = await main(process.argv.slice(2), { out: write(process.stdout), err: write(process.stderr) })
// Devices may hold connections that would keep the process alive; what was written goes out first.
await new Promise(resolve => process.stdout.write("", resolve))
process.exit(exitCode)
