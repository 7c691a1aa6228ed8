#!/usr/bin/env node
/** The program `ophyd-ts-dm`, which `ophyd-ts dm` runs: APS Data Management from the command line. */
import { main } from "./program.ts"

const interrupt = new AbortController()
process.once("SIGINT", () => interrupt.abort(new Error("interrupted")))

const write = (stream: NodeJS.WriteStream) => (text: string) => void stream.write(text)
const status = await main(process.argv.slice(2), {
  out: write(process.stdout),
  err: write(process.stderr),
  tty: process.stderr.isTTY === true,
  environment: process.env,
  interrupt: interrupt.signal,
})
// What was written goes out first.
await new Promise(resolve => process.stdout.write("", resolve))
process.exit(status)
