import { type ClientSettings, startBeamline, startSoftBeamline } from "@ophyd-ts/ioc-sim"
import { PvaClient, readTable } from "pvxs-node"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { peers, python } from "./peers.ts"

interface Ioc extends AsyncDisposable {
  clientConfig(): { readonly pva: ClientSettings }
  clientEnvironment(): Readonly<Record<string, string>>
}

/** Two exposures at different places; prints what a group holds, and which parts of it an update has brought. */
const scan = `
import json, sys
from p4p.client.thread import Context
P = sys.argv[1]
context = Context("pva", nt=False)
updates = []
subscription = context.monitor(P + "stage", lambda value: updates.append(sorted(value.changedSet())))
for x in (0.25, 0.5):
    context.put(P + "m1", {"value": x}, wait=True, timeout=30)
    context.put(P + "det:Acquire", {"value.index": 1}, wait=True, timeout=30)
stage = context.get(P + "stage", timeout=30)
table = context.get(P + "det:Points", timeout=30)
print(json.dumps({
    "stage": [stage[axis].value for axis in ("m1", "m2", "m3")],
    "units": [stage[axis].display.units for axis in ("m1", "m2", "m3")],
    "moved": updates[-1],
    "id": table.getID(),
    "labels": table.labels,
    "columns": table.value.keys(),
    "m1": table.value.m1.tolist(),
    "counts": table.value.counts.tolist(),
}))`

const prefix = (): string => `t${Math.random().toString(36).slice(2, 8)}:`

describe.each([
  ["of the embedded beamline", (P: string): Promise<Ioc> => startBeamline({ prefix: P }), true],
  ["of the genuine softIoc", (P: string): Promise<Ioc> => startSoftBeamline({ prefix: P }), peers().softIoc],
] as const)("the structured PVs %s", (_, start, here) => {
  describe.skipIf(!here)("over pvAccess", { timeout: 120_000 }, () => {
    const P = prefix()
    let ioc: Ioc
    let client: PvaClient
    beforeAll(async () => {
      ioc = await start(P)
      client = new PvaClient(ioc.clientConfig().pva)
    })
    afterAll(async () => {
      await client?.close()
      await ioc?.[Symbol.asyncDispose]()
    })

    it.skipIf(!peers().p4p)("show p4p the stage as one, and each exposure as a row", async () => {
      const [seen] = await python<Record<string, unknown>>(scan, { env: ioc.clientEnvironment(), args: [P] })
      expect(seen).toMatchObject({
        stage: [0.5, 0, 0],
        units: ["mm", "mm", "deg"],
        id: "epics:nt/NTTable:1.0",
        labels: ["counts", "m1", "m2", "m3", "monitor"],
        columns: ["counts", "m1", "m2", "m3", "monitor"],
        m1: [0.25, 0.5],
        counts: [expect.any(Number), expect.any(Number)],
      })
      expect(seen?.["moved"]).toContain("m1.value")
      expect(String(seen?.["moved"])).not.toMatch(/m[23]\./)
    })

    it("give this project's client the same", async () => {
      await client.put(`${P}m3`, -7.5, { completion: true })
      await client.put(`${P}det:Acquire`, "Acquire", { completion: true })
      const stage = await client.get(`${P}stage`)
      expect(stage).toMatchObject({ m3: { value: -7.5, display: { units: "deg", description: "rotation" } } })
      const table = readTable(await client.get(`${P}det:Points`))
      expect(table?.labels).toEqual(table?.names)
      expect(table?.columns["m3"]?.at(-1)).toBe(-7.5)
      expect(table?.columns["counts"]).toHaveLength(table?.rows ?? 0)
    })
  })
})
