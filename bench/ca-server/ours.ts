/** Our server in a process of its own. Prints its port; ends with its standard input. */
import { CaServer, ServerPv } from "node-epics-ca"

const server = await CaServer.listen()
server.add(new ServerPv("bench:scalar", { type: "double", value: 0 }))
server.add(
  new ServerPv("bench:array", {
    type: "double",
    value: Float64Array.from({ length: 1_000_000 }, (_, i) => i),
  }),
)
console.log(server.port)
process.stdin.resume().on("end", () => process.exit(0))
