/** The tables "from bluesky" against what the genuine package offers: no name that a user may look for is left out. */
import { readFile } from "node:fs/promises"
import { describe, expect, it } from "vitest"
import { peers, python } from "./peers.ts"

const page = await readFile(new URL("../docs/from-bluesky.md", import.meta.url), "utf8")
const named = new Set([...page.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name))

describe.skipIf(!peers().bluesky)("the tables from bluesky", () => {
  it("have every public name of its plans, stubs, preprocessors, suspenders, simulators and callbacks", async () => {
    const [names = []] = await python<string[]>(`
import json
from bluesky import callbacks, plan_stubs, plans, preprocessors, simulators, suspenders
from bluesky.callbacks import core, fitting
every = [n for m in (plans, plan_stubs, preprocessors, suspenders, simulators) for n, v in vars(m).items()
         if not n.startswith("_") and callable(v) and getattr(v, "__module__", "") == m.__name__]
every += [n for n, v in vars(callbacks).items()
          if not n.startswith("_") and callable(v) and v.__module__.startswith("bluesky.callbacks")]
print(json.dumps(sorted(set(every + ["PeakStats"]))))`)
    expect(names.length).toBeGreaterThan(140)
    expect(names.filter(name => !named.has(name))).toEqual([])
  })

  it("have what users call and set on its engine", async () => {
    const [names = []] = await python<string[]>(`
import json
from bluesky import RunEngine
inner = {"RunBundler", "deferred_pause_requested", "print_command_registry", "rewindable", "loop", "suspenders", "verbose",
         "call_returns_result", "reset", "resumable", "clear_suspenders", "emit", "emit_sync"}
print(json.dumps(sorted(n for n in vars(RunEngine) if not n.startswith("_") and n not in inner)))`)
    expect(names.length).toBeGreaterThan(10)
    expect(names.filter(name => !named.has(name))).toEqual([])
  })
})
