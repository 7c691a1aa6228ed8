/** Tables of a device against those who serve them: a group of QSRV2 in a genuine IOC, and p4p. */
import { type NotConnectedError, stringArray, table, uint8Array } from "@ophyd-ts/core"
import { EpicsDevice } from "@ophyd-ts/epics"
import { type SoftIoc, startSoftIoc } from "@ophyd-ts/ioc-sim"
import { PvaClient } from "pvxs-node"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { tableContract } from "../packages/core/test/contract/signal-contract.ts"
import { ProfileDevice } from "../packages/epics/test/support/contract-device.ts"
import { randomPrefix } from "../packages/epics/test/support/prefix.ts"
import { P4pServer } from "./p4p-server.ts"
import { peers } from "./peers.ts"

const column = (name: string, type: string, init: string, order: number, trigger = "") => `
record(waveform, "$(P)${name}") { field(FTVL, "${type}") field(NELM, "10") field(INP, ${init}) field(PINI, "YES")
  info(Q:group, {"$(P)profile": {"+id": "epics:nt/NTTable:1.0", "+atomic": true,
    "value.${name}": {"+type": "plain", "+channel": "VAL", "+putorder": ${order}${trigger}}}}) }`

const records = `${column("position", "DOUBLE", "[1, 2]", 0)}
${column("count", "LONG", "[10, 20]", 1)}
${column("label", "STRING", '["a", "b"]', 2, ', "+trigger": "*"')}
record(ai, "$(P)meta") { field(PINI, "YES") info(Q:group, {"$(P)profile": {"": {"+type": "meta", "+channel": "VAL"}}}) }`

describe.skipIf(!peers().pvxs)("tables of QSRV2", () => {
  let ioc: SoftIoc
  let client: PvaClient
  const P = randomPrefix()
  beforeAll(async () => {
    ioc = await startSoftIoc({ text: records, macros: { P } })
    client = new PvaClient(ioc.clientConfig().pva)
  })
  afterAll(async () => {
    await client?.close()
    await ioc?.[Symbol.asyncDispose]()
  })

  tableContract("a group of QSRV2", () => ({
    signals: new ProfileDevice(`pva://${P}`, { client }),
    change: () => {},
    close: () => {},
  }))
})

const script = `
import json, sys, time
from p4p.nt import NTTable
from p4p.server import Server
from p4p.server.thread import SharedPV

class Mailbox:
    def put(self, pv, op):
        rows = op.value()
        if rows[0]["label"] == "refuse":
            op.done(error="not this one")
            return
        pv.post(rows, timestamp=time.time())
        op.done()

def serve(columns, rows):
    table = NTTable(columns)
    return SharedPV(nt=table, initial=table.wrap(rows, timestamp=time.time()), handler=Mailbox())

prefix = sys.argv[1]
pvs = {
    "profile": serve([("position", "d"), ("count", "i"), ("label", "s")],
        [{"position": 1.0, "count": 10, "label": "a"}, {"position": 2.0, "count": 20, "label": "b"}]),
    "gates": serve([("gate", "?"), ("label", "s")], [{"gate": True, "label": "open"}, {"gate": False, "label": "shut"}]),
}
with Server(providers=[{prefix + name: pv for name, pv in pvs.items()}], isolate=True) as server:
    print(json.dumps(server.conf()["EPICS_PVAS_SERVER_PORT"]))
    sys.stdin.read()
`

describe.skipIf(!peers().p4p)("tables of p4p", () => {
  const P = randomPrefix()
  let server: P4pServer
  let client: PvaClient
  beforeAll(async () => {
    server = await P4pServer.start(script, P)
    client = server.client
  })
  afterAll(() => server?.[Symbol.asyncDispose]())

  tableContract("p4p", () => ({
    signals: new ProfileDevice(`pva://${P}`, { client }),
    change: () => {},
    close: () => {},
  }))

  class Gates extends EpicsDevice {
    readonly gates = this.signal.rw(table({ gate: uint8Array, label: stringArray }), "gates")
    readonly wrong = this.signal.rw(table({ gate: stringArray, label: stringArray }), "gates")
    readonly fewer = this.signal.rw(table({ gate: uint8Array }), "gates")
    readonly more = this.signal.rw(table({ gate: uint8Array, label: stringArray, x: uint8Array }), "gates")
  }

  it("are refused at connect when a column is missing, unknown or of another type", async () => {
    const error: NotConnectedError = await new Gates(`pva://${P}`, { client, name: "dev" })
      .connect({ timeout: 20 })
      .catch(e => e)
    expect(error.failures.map(({ component, state }) => [component.name, state])).toEqual([
      ["dev_wrong", "wrong type"],
      ["dev_fewer", "wrong type"],
      ["dev_more", "wrong type"],
    ])
    expect(error.failures[2]?.cause?.message).toBe(
      `pva://${P}gates: declared table(gate: uint8Array, label: stringArray, x: uint8Array), ` +
        "the server has a structure of gate: boolean[], label: string[]",
    )
  })

  it("may have columns of truth values, as bytes 0 and 1, and a refused write fails with the server's words", async () => {
    const { gates } = new Gates(`pva://${P}`, { client, name: "dev" })
    await gates.connect({ timeout: 20 })
    expect(await gates.get()).toEqual({ gate: Uint8Array.of(1, 0), label: ["open", "shut"] })
    await gates.set({ gate: Uint8Array.of(0), label: ["closed"] })
    expect(await gates.get()).toEqual({ gate: Uint8Array.of(0), label: ["closed"] })
    await expect(gates.set({ gate: Uint8Array.of(1), label: ["refuse"] })).rejects.toThrow("not this one")
  })
})
