/** Address lists as pvxs understands them: multicast groups with time-to-live and interface, and IPv6. */
import { networkInterfaces } from "node:os"
import { ntScalar, PvaClient, PvaServer, SharedPv } from "pvxs-node"
import { describe, expect, it } from "vitest"
import { freePort } from "../ioc-sim/src/softioc/ports.ts"
import { peers, python, startPython } from "./peers.ts"

const byte = (): number => 1 + Math.floor(Math.random() * 250)
const group = `239.255.${byte()}.${byte()}`
const hasIpv6 = Object.values(networkInterfaces()).some(list => list?.some(a => a.address === "::1"))
const ways = [
  { what: "a multicast group", own: ["127.0.0.1", `${group}@127.0.0.1`], to: `${group},1@127.0.0.1` },
  { what: "a group alone", own: [`${group}@127.0.0.1`], to: `${group},0@127.0.0.1` },
  ...(hasIpv6 ? [{ what: "IPv6", own: ["::1"], to: "::1" }] : []),
]

const serve = `
import json, sys
from p4p.nt import NTScalar
from p4p.server import Server
from p4p.server.thread import SharedPV
conf = {"EPICS_PVAS_INTF_ADDR_LIST": sys.argv[1], "EPICS_PVAS_SERVER_PORT": "0", "EPICS_PVAS_BROADCAST_PORT": sys.argv[2],
        "EPICS_PVAS_AUTO_BEACON_ADDR_LIST": "NO", "EPICS_PVAS_BEACON_ADDR_LIST": "127.0.0.1"}
with Server(providers=[{"x": SharedPV(nt=NTScalar("d"), initial=7.5)}], conf=conf, useenv=False) as server:
    print(json.dumps(server.conf()["EPICS_PVAS_INTF_ADDR_LIST"]))
    sys.stdin.read()
`
const get = `
import json, sys
from p4p.client.thread import Context
conf = {"EPICS_PVA_ADDR_LIST": sys.argv[1], "EPICS_PVA_AUTO_ADDR_LIST": "NO", "EPICS_PVA_BROADCAST_PORT": sys.argv[2]}
print(json.dumps(float(Context("pva", conf=conf, useenv=False).get("x", timeout=20))))
`

describe.skipIf(!peers().p4p).each(ways)("through $what ($to)", ({ own, to }) => {
  it("our client finds a p4p server", async () => {
    const port = await freePort()
    await using server = startPython(serve, { args: [own.join(" "), String(port)] })
    await server.next()
    await using client = new PvaClient({
      addressList: [to],
      autoAddressList: false,
      broadcastPort: port,
      env: {},
      timeout: 20,
    })
    expect((await client.get("x"))["value"]).toBe(7.5)
    server.end()
  })

  it("a p4p client finds our server", async () => {
    const port = await freePort()
    await using server = await PvaServer.open({
      interfaces: own,
      port: 0,
      broadcastPort: port,
      autoBeaconAddressList: false,
      env: {},
    })
    server.add("x", new SharedPv(ntScalar("double"), { value: { value: 6.5 } }))
    expect(await python(get, { args: [to, String(port)] })).toEqual([6.5])
  })
})
