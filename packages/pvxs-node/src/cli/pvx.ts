#!/usr/bin/env node
import { main } from "./main.ts"

const abort = new AbortController()
// The second one ends the process at once.
process.once("SIGINT", () => abort.abort())
process.once("SIGTERM", () => abort.abort())
// The reader of a pipe, such as `head`, may have had enough, and a disk may be full.
let unwritten: NodeJS.ErrnoException | null = null
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") unwritten ??= error
  abort.abort()
})
const exitCode = await main(process.argv.slice(2), {
  signal: abort.signal,
  print: line => console.log(line),
  complain: line => console.error(line),
})
// What was written goes out first, and shows whether it could.
await new Promise(resolve => process.stdout.write("", resolve))
if (unwritten !== null) {
  const { message }: Error = unwritten
  console.error(`the output could not be written: ${message}`)
}
process.exitCode = unwritten === null ? exitCode : exitCode || 1
