/** Publishes 1024 × 1024 images of 16 bit at a steady rate: `frame-server.ts RATE`. Prints the variables that lead to it. */
import { ndArray, ntNdArray, PvaServer, SharedPv } from "pvxs-node"

const rate = Number(process.argv[2] ?? "250")
const server = await PvaServer.open({ isolated: true })
const pv = new SharedPv(ntNdArray)
server.add("image", pv)
console.log(
  JSON.stringify({
    EPICS_PVA_NAME_SERVERS: `127.0.0.1:${server.port}`,
    EPICS_PVA_ADDR_LIST: "",
    EPICS_PVA_AUTO_ADDR_LIST: "NO",
  }),
)
const side = Number(process.argv[3] ?? "1024")
const data = Uint16Array.from({ length: side * side }, (_, i) => i)
const start = performance.now()
let uniqueId = 0
setInterval(() => {
  const due = ((performance.now() - start) / 1000) * rate
  // Frames that this process was too late for are never posted, so they are no loss of the client's.
  if (uniqueId >= due) return
  uniqueId += 1
  pv.post(ndArray({ data, shape: [side, side], uniqueId }))
}, 1)
