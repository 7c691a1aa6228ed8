/** A program that says that it lives and sends what is in the spool. Configured by the environment. */
import { DmClient, DmSpool, dmConfig } from "../../src/index.ts"

const spool = new DmSpool({ directory: process.argv[2] ?? "" })
process.stdout.write("sending\n")
await spool.send(new DmClient(dmConfig.fromEnvironment()))
