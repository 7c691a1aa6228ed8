/** The table "from ophyd" against what the genuine packages offer: no name that a user may look for is left out. */
import { readFile } from "node:fs/promises"
import { describe, expect, it } from "vitest"
import { peers, python } from "./peers.ts"

const page = await readFile(new URL("../docs/from-ophyd.md", import.meta.url), "utf8")
const named = new Set([...page.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name))

describe.skipIf(!peers().ophyd || !peers().ophydAsync)("the table from ophyd", () => {
  it("has every public name of ophyd-async's core, EPICS signals, motor and plan stubs", async () => {
    const [names = []] = await python<string[]>(`
import json
from ophyd_async import core, plan_stubs
from ophyd_async.epics import core as epics, motor
every = [n for m in (core, epics, motor, plan_stubs) for n in m.__all__]
print(json.dumps(sorted(set(every))))`)
    expect(names.length).toBeGreaterThan(100)
    expect(names.filter(name => !named.has(name))).toEqual([])
  })

  it("has every public name of ophyd that is no area detector", async () => {
    const [names = []] = await python<string[]>(`
import inspect, json
import ophyd
from ophyd import scaler, sim, status, utils
every = [n for n, v in vars(ophyd).items() if (inspect.isclass(v) or inspect.isfunction(v))
         and not n.startswith("_") and "areadetector" not in v.__module__ and v.__module__.startswith("ophyd")]
every += [n for n, v in vars(status).items() if inspect.isclass(v) and v.__module__ == "ophyd.status"
          and n != "UseNewProperty"]
every += ["EpicsScaler", "ScalerCH", "ScalerChannel", "make_fake_device", "SynAxis", "SynGauss", "SynSignal"]
print(json.dumps(sorted(set(every))))`)
    expect(names.length).toBeGreaterThan(40)
    expect(names.filter(name => !named.has(name))).toEqual([])
  })
})
