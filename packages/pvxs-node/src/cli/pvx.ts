#!/usr/bin/env node
import { main } from "./main.ts"

const abort = new AbortController()
process.on("SIGINT", () => abort.abort())
process.on("SIGTERM", () => abort.abort())
// The reader of a pipe, such as `head`, may have had enough.
process.stdout.on("error", () => abort.abort())
process.exitCode = await main(process.argv.slice(2), {
  signal: abort.signal,
  print: line => console.log(line),
  complain: line => console.error(line),
})
