#!/usr/bin/env node
import { runProgram } from "@ophyd-ts/epics-net"
import { main } from "./main.ts"

await runProgram(signal =>
  main(process.argv.slice(2), {
    signal,
    print: line => console.log(line),
    complain: line => console.error(line),
  }),
)
