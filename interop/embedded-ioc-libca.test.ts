/**
 * libca (through pyepics) sees the same beamline on the embedded IOC and on the genuine one: the same script runs
 * against both.
 */
import { startBeamline, startSoftBeamline } from "@ophyd-ts/ioc-sim"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type PythonScript, peers, startPython } from "./peers.ts"

interface Ioc extends AsyncDisposable {
  clientEnvironment(): Readonly<Record<string, string>>
}

const prefix = `t${Math.random().toString(36).slice(2, 8)}:`
const iocs: [name: string, start: () => Promise<Ioc>, here: boolean][] = [
  ["embedded IOC", () => startBeamline({ prefix }), true],
  ["genuine IOC", () => startSoftBeamline({ prefix }), peers().pvxs],
]

/** Answers one command per line: [verb, ...arguments]. */
const client = `
import epics, json, sys, time
pvs, watched, log = {}, [], []
def pv(name):
    if name not in pvs:
        pvs[name] = epics.PV(name, auto_monitor=False)
        assert pvs[name].wait_for_connection(20), name
    return pvs[name]
def watch(name):
    # By a PV of its own that monitors from the beginning: pyepics calls a PV connected before it has looked whether to
    # monitor it. Switched on in between, it is monitored twice, and updates of the first one call what is freed.
    watched.append(epics.PV(name, auto_monitor=True, callback=lambda pvname, value, **k: log.append([pvname, value])))
    assert watched[-1].wait_for_connection(20), name
def get(name, as_string=False):
    return pv(name).get(as_string=as_string, use_monitor=False, timeout=20)
def metadata(name):
    values = pv(name).get_ctrlvars(timeout=20)
    return {k: v for k, v in values.items() if k in ("units", "precision", "upper_ctrl_limit", "lower_ctrl_limit", "enum_strs")}
def put(name, value):
    return pv(name).put(value) or 1
def put_wait(name, value):
    started = time.monotonic()
    result = pv(name).put(value, wait=True, timeout=30)
    return [result, time.monotonic() - started]
def reached(name, value):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if get(name) == value: return True
        time.sleep(0.01)
    return get(name)
def settled(count):
    end = time.monotonic() + 20
    while len(log) < count and time.monotonic() < end: time.sleep(0.01)
    return log[:]
def forget():
    del log[:]
verbs = dict(watch=watch, get=get, metadata=metadata, put=put, put_wait=put_wait, reached=reached, settled=settled, forget=forget)
for line in sys.stdin:
    verb, *arguments = json.loads(line)
    print(json.dumps(verbs[verb](*arguments)))
`

describe.each(iocs)("libca and the %s", (_name, start, here) => {
  describe.skipIf(!here || !peers().pyepics)("over Channel Access", () => {
    let ioc: Ioc
    let script: PythonScript<unknown>
    const ask = <T = unknown>(verb: string, ...args: unknown[]): Promise<T> => {
      script.send([verb, ...args])
      return script.next() as Promise<T>
    }
    const m1 = `${prefix}m1`
    const get = (name: string, asString = false): Promise<unknown> => ask("get", prefix + name, asString)

    beforeAll(async () => {
      ioc = await start()
      script = startPython(client, { env: ioc.clientEnvironment(), timeout: 120 })
    })
    afterAll(async () => {
      await script?.[Symbol.asyncDispose]()
      await ioc?.[Symbol.asyncDispose]()
    })

    it("finds a motor record with its fields", async () => {
      const fields =
        "RTYP NAME DESC EGU DIR SPMG SET FOFF PREC VELO ACCL HLM LLM DHLM DLLM DMOV MOVN LVIO MISS HLS LLS"
      const seen: Record<string, unknown> = {}
      for (const field of fields.split(" ")) seen[field] = await get(`m1.${field}`, true)
      expect(seen).toMatchObject({
        RTYP: "motor",
        NAME: m1,
        DESC: "sample x",
        EGU: "mm",
        DIR: "Pos",
        SPMG: "Go",
      })
      expect(seen).toMatchObject({ SET: "Use", FOFF: "Variable", DMOV: "1", MOVN: "0", LVIO: "0", MISS: "0" })
      expect([seen["HLM"], seen["DLLM"], seen["VELO"]].map(Number)).toEqual([25, -25, 5])
      expect(await get("m1.VAL")).toBe(0)
      expect(await ask("metadata", m1)).toEqual({
        units: "mm",
        precision: 4,
        lower_ctrl_limit: -25,
        upper_ctrl_limit: 25,
      })
      const direction = await ask<{ enum_strs: string[] }>("metadata", `${m1}.DIR`)
      expect(direction.enum_strs).toEqual(["Pos", "Neg"])
    })

    it("moves it with a put that completes at the end of the move, and sees DMOV fall and rise", async () => {
      await ask("watch", `${m1}.DMOV`)
      await ask("settled", 1)
      await ask("forget")
      const [result, seconds] = await ask<[number, number]>("put_wait", m1, 2)
      expect(result).toBe(1)
      // 2 mm at 5 mm/s with ramps of 0.1 s.
      expect(seconds).toBeGreaterThan(0.45)
      expect([await get("m1.RBV"), await get("m1.DMOV")]).toEqual([2, 1])
      expect(await ask("settled", 2)).toEqual([
        [`${m1}.DMOV`, 0],
        [`${m1}.DMOV`, 1],
      ])
    })

    it("sees DMOV fall and rise for a request that moves nothing", async () => {
      await ask("forget")
      await ask("put_wait", m1, 2)
      expect(await ask("settled", 2)).toEqual([
        [`${m1}.DMOV`, 0],
        [`${m1}.DMOV`, 1],
      ])
    })

    it("stops it: the put ends early and the target is where it stands", async () => {
      await ask("put_wait", `${m1}.VELO`, 1)
      await ask("put", m1, 20)
      expect(await ask("reached", `${m1}.DMOV`, 0)).toBe(true)
      await ask("put", `${m1}.STOP`, 1)
      expect(await ask("reached", `${m1}.DMOV`, 1)).toBe(true)
      expect(await get("m1.RBV")).toBeLessThan(19)
      expect(await get("m1.VAL")).toBeCloseTo((await get("m1.RBV")) as number, 2)
      expect(await get("m1.STOP")).toBe(0)
      await ask("put_wait", `${m1}.VELO`, 5)
    })

    it("is refused a target beyond the limits", async () => {
      const before = await get("m1")
      await ask("put_wait", m1, 26)
      expect([await get("m1.LVIO"), await get("m1")]).toEqual([1, before])
      await ask("put_wait", m1, 0)
      expect(await get("m1.LVIO")).toBe(0)
    })

    it("tweaks it, pauses it, and gives its position another number", async () => {
      await ask("put_wait", `${m1}.TWV`, 0.25)
      await ask("put_wait", `${m1}.TWF`, 1)
      expect(await get("m1.RBV")).toBe(0.25)
      await ask("put", `${m1}.SPMG`, 1)
      await ask("put", m1, 1)
      expect(await ask("reached", `${m1}.DMOV`, 0)).toBe(true)
      expect(await get("m1.RBV")).toBe(0.25)
      await ask("put", `${m1}.SPMG`, 3)
      expect(await ask("reached", `${m1}.DMOV`, 1)).toBe(true)
      expect(await get("m1.RBV")).toBe(1)
      await ask("put_wait", `${m1}.SET`, 1)
      await ask("put_wait", m1, 11)
      await ask("put_wait", `${m1}.SET`, 0)
      expect([await get("m1.RBV"), await get("m1.OFF"), await get("m1.DRBV"), await get("m1.HLM")]).toEqual([
        11, 10, 1, 35,
      ])
      await ask("put_wait", `${m1}.OFF`, 0)
    })

    it("counts: the put of Acquire completes when the counts can be read, and they have a peak over the motor", async () => {
      const counts: number[] = []
      for (const x of [-3, 0.5, 4]) {
        await ask("put_wait", m1, x)
        const [, seconds] = await ask<[number, number]>("put_wait", `${prefix}det:Acquire`, 1)
        expect(seconds).toBeGreaterThan(0.09)
        expect(await get("det:Acquire", true)).toBe("Done")
        counts.push((await get("det:Counts")) as number)
      }
      expect(counts[1]).toBeGreaterThan(9000)
      expect(Math.max(counts[0] ?? 0, counts[2] ?? 0)).toBeLessThan(200)
      expect(await get("det:Monitor")).toBeGreaterThan(15_000)
    })

    it("closes the shutter with completion, and the detector sees dark", async () => {
      await ask("put_wait", m1, 0.5)
      await ask("put_wait", `${prefix}shutter:Request`, 0)
      expect(await get("shutter:Position_RBV", true)).toBe("Closed")
      await ask("put_wait", `${prefix}det:Acquire`, 1)
      expect(await get("det:Counts")).toBeLessThan(50)
      await ask("put_wait", `${prefix}shutter:Request`, 1)
      expect(await get("shutter:Position_RBV", true)).toBe("Open")
    })

    it("watches the ring's current change", async () => {
      await ask("forget")
      await ask("watch", `${prefix}ring:Current`)
      const values = await ask<[string, number][]>("settled", 3)
      expect(new Set(values.map(([, value]) => value)).size).toBeGreaterThan(1)
      expect(values.every(([, value]) => value >= 100 && value <= 102)).toBe(true)
    })

    it("waits with busy until somebody else writes Done", async () => {
      await using other = startPython(client, { env: ioc.clientEnvironment() })
      script.send(["put_wait", `${prefix}busy`, 1])
      other.send(["reached", `${prefix}busy`, 1])
      expect(await other.next()).toBe(true)
      // Without completion: an IOC keeps a second put with completion waiting until the first has completed.
      other.send(["put", `${prefix}busy`, 0])
      await other.next()
      expect(await script.next()).toMatchObject([1, expect.any(Number)])
    })
  })
})
