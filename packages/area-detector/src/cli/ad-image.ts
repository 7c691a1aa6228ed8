#!/usr/bin/env node
/** The program `ad-image`: a frame of a detector as a PNG picture. */
import { writeFile } from "node:fs/promises"
import { closeDefaultClients } from "@ophyd-ts/epics"
import { main } from "./main.ts"

const stop = new AbortController()
process.once("SIGINT", () => stop.abort())
process.once("SIGTERM", () => stop.abort())

process.exitCode = await main(process.argv.slice(2), {
  print: line => console.log(line),
  complain: line => console.error(line),
  write: (file, bytes) => writeFile(file, bytes),
  signal: stop.signal,
})
await closeDefaultClients()
