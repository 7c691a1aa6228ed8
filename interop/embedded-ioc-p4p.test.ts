/** p4p sees the same beamline over pvAccess on the embedded IOC and on the genuine one (QSRV2). */
import { startBeamline, startSoftBeamline } from "@ophyd-ts/ioc-sim"
import { describe, expect, it } from "vitest"
import { peers, python } from "./peers.ts"

interface Ioc extends AsyncDisposable {
  clientEnvironment(): Readonly<Record<string, string>>
}

const prefix = `t${Math.random().toString(36).slice(2, 8)}:`
const iocs: [name: string, start: () => Promise<Ioc>, here: boolean][] = [
  ["embedded IOC", () => startBeamline({ prefix }), true],
  ["genuine IOC", () => startSoftBeamline({ prefix }), peers().pvxs],
]

const structures = `
import json, sys
from p4p.client.thread import Context
context = Context("pva", nt=False)
for name in sys.argv[2:]:
    value = context.get(sys.argv[1] + name, timeout=20)
    print(json.dumps([name, json.loads(json.dumps(value.type().aspy()))]))
`

const operation = `
import json, sys, time
from p4p.client.thread import Context
P = sys.argv[1]
context = Context("pva")
say = lambda value: print(json.dumps(value))
raw = context.get(P + "m1", timeout=20).raw
say([raw.display.units, raw.display.precision, raw.display.limitHigh, raw.control.limitLow, raw.display.description])
done = []
subscription = context.monitor(P + "m1.DMOV", lambda value: done.append(int(value)))
def wait_for(condition):
    end = time.monotonic() + 20
    while not condition() and time.monotonic() < end: time.sleep(0.01)
wait_for(lambda: done)
started = time.monotonic()
context.put(P + "m1", 2.0, request="record[block=true]", timeout=30)
say([time.monotonic() - started > 0.4, float(context.get(P + "m1.RBV"))])
started = time.monotonic()
context.put(P + "m1", 0.0, timeout=30)
say(float(context.get(P + "m1.RBV")) > 0.5)
wait_for(lambda: len(done) >= 5)
say(done)
context.put(P + "shutter:Request", "Close", request="record[block=true]", timeout=30)
say([str(context.get(P + "shutter:Position_RBV")), context.get(P + "shutter:Position_RBV").raw.value.choices])
try:
    context.put(P + "m1.RBV", 1.0, timeout=30)
except Exception as error:
    say(type(error).__name__)
`

const names = ["m1", "m1.RBV", "m1.DMOV", "m1.DIR", "m1.EGU", "det:Acquire", "ring:Current"]

describe.each(iocs)("p4p and the %s", (_name, start, here) => {
  it.skipIf(!here || !peers().p4p)(
    "moves a motor, waits for its end, watches it, and is refused",
    async () => {
      await using ioc = await start()
      const seen = await python(operation, { env: ioc.clientEnvironment(), args: [prefix] })
      expect(seen).toEqual([
        ["mm", 4, 25, -25, "sample x"],
        [true, 2],
        true,
        [1, 0, 1, 0, 1],
        ["Closed", ["Closed", "Open", "Between"]],
        "RemoteError",
      ])
    },
  )
})

it.skipIf(!peers().pvxs || !peers().p4p)(
  "the embedded IOC serves the structures that QSRV2 serves",
  async () => {
    const look = async (start: () => Promise<Ioc>): Promise<unknown[]> => {
      await using ioc = await start()
      return await python(structures, { env: ioc.clientEnvironment(), args: [prefix, ...names] })
    }
    const embedded = await look(() => startBeamline({ prefix }))
    const genuine = await look(() => startSoftBeamline({ prefix }))
    expect(embedded).toEqual(genuine)
  },
)
