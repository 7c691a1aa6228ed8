#!/usr/bin/env node
import { runProgram } from "@ophyd-ts/epics-net"
import { run } from "./run.ts"

await runProgram(stop =>
  run(process.argv.slice(2), {
    out: line => void process.stdout.write(`${line}\n`),
    err: line => void process.stderr.write(`${line}\n`),
    stop,
  }),
)
