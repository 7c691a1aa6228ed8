import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  boolean,
  choice,
  compareSettings,
  type Datatype,
  Device,
  derivedSignal,
  double,
  float64Array,
  formatSettings,
  int16Array,
  int64,
  int64Array,
  integer,
  LimitError,
  parseSettings,
  restoreSettings,
  SettingsError,
  StatusTimeoutError,
  saveSettings,
  string,
  stringArray,
  uint8Array,
  uint32Array,
  uint64,
} from "../../src/index.ts"
import { holdPuts, onPut, putsOf, setMockMetadata, setMockValue } from "../../src/testing/index.ts"

class Region extends Device {
  readonly low = this.soft.rw(double, { initial: 1, kind: "config" })
  readonly high = this.soft.rw(double, { initial: 2, kind: "config" })
}

class Camera extends Device {
  readonly position = this.soft.rw(double, { initial: 5, kind: "hinted" })
  readonly counts = this.soft.r(integer)
  readonly limit = this.soft.rw(double, { initial: 10, kind: "omitted" })
  readonly mode = this.soft.rw(choice("Single", "Continuous"), { kind: "config" })
  readonly title = this.soft.rw(string, { initial: "yes: 12 # no", kind: "config" })
  readonly enabled = this.soft.rw(boolean, { initial: true, kind: "config" })
  readonly mask = this.soft.rw(float64Array, { initial: Float64Array.of(1, Number.NaN, -0), kind: "config" })
  readonly labels = this.soft.rw(stringArray, { initial: ["a", "1", ""], kind: "config" })
  readonly id = this.soft.rw(int64, { initial: 2n ** 62n + 1n, kind: "config" })
  readonly region = new Region()
  readonly twice = derivedSignal(double, {
    from: { position: this.position },
    get: ({ position }) => position * 2,
    set: value => ({ position: value / 2 }),
  })
}

async function camera() {
  const device = new Camera({ name: "cam" })
  await device.connect({ mock: true })
  return device
}

describe("saving", () => {
  it("writes every value that can be set, one line each, and not what follows from others", async () => {
    expect(await saveSettings(new Camera({ name: "cam" }))).toBe(
      [
        "position: 5",
        "limit: 10",
        "mode: Single",
        'title: "yes: 12 # no"',
        "enabled: true",
        "mask: [1, .nan, -0]",
        'labels: [a, "1", ""]',
        "id: 4611686018427387905",
        "region.low: 1",
        "region.high: 2",
        "",
      ].join("\n"),
    )
  })

  it("takes a selection, leaves out what the server does not let us write, and names all that it cannot read", async () => {
    const device = await camera()
    setMockMetadata(device.mode, { writable: false })
    const text = await saveSettings(device, {
      select: (path, { kind }) => kind === "config" && path !== "title",
    })
    expect([...parseSettings(text).keys()]).toEqual([
      "enabled",
      "mask",
      "labels",
      "id",
      "region.low",
      "region.high",
    ])
    const unread = new Camera({ name: "cam" })
    for (const signal of [unread.limit, unread.region.low]) {
      signal.locate = () => Promise.reject(new Error(`${signal.name} is gone`))
    }
    await expect(saveSettings(unread)).rejects.toThrow(
      "cam: read settings: cam_limit is gone; cam_region_low is gone",
    )
  })

  it("loses nothing: what was saved compares as the same", async () => {
    const device = await camera()
    const value = fc.record({
      position: fc.double(),
      title: fc.string({ unit: "binary" }),
      mask: fc.float64Array(),
      labels: fc.array(fc.string()),
      id: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    })
    await fc.assert(
      fc.asyncProperty(value, async ({ position, title, mask, labels, id }) => {
        setMockValue(device.position, position)
        setMockValue(device.title, title)
        setMockValue(device.mask, mask)
        setMockValue(device.labels, labels)
        setMockValue(device.id, id)
        const compared = await compareSettings(device, await saveSettings(device))
        expect(compared).toMatchObject({ different: [], impossible: [], unsaved: [] })
        expect(compared.same).toHaveLength(10)
      }),
    )
  })
})

describe("comparing", () => {
  it("tells what differs, what cannot be, and what was not saved, and writes nothing", async () => {
    const device = await camera()
    const compared = await compareSettings(
      device,
      "position: 7\nmode: Singel\ncounts: 3\nregion.low: 1\nenabled: [true]\ngone.gain: 2\nid: 5",
    )
    expect(compared.different).toEqual([
      { path: "position", saved: 7, present: 5 },
      { path: "id", saved: 5n, present: 2n ** 62n + 1n },
    ])
    expect(compared.same).toEqual(["region.low"])
    expect(compared.impossible.map(({ error }) => error.message)).toEqual([
      'mode: "Singel" is none of "Single", "Continuous"',
      "counts: cam has no such signal that can be set",
      "enabled: [true] is not true or false",
      "gone.gain: cam has no such signal that can be set",
    ])
    expect(compared.unsaved).toEqual(["limit", "title", "mask", "labels", "region.high"])
    expect([...device.signals()].filter(s => s !== device.twice).flatMap(s => putsOf(s))).toEqual([])
  })

  it.each([
    ["a: [1", "settings: not YAML: "],
    ["- 1\n- 2", "settings: expected lines of `path: value`"],
    ["hello", "settings: expected lines of `path: value`"],
    ["cam:\n  gain: 1", "settings: cam has no value"],
    ["cam.gain:", "settings: cam.gain has no value"],
    ["1: 2", "settings: 1 is no path of fields"],
    ["a: 1\na: 2", "settings: not YAML: Map keys must be unique"],
  ])("refuses %j", (text, message) => {
    expect(() => parseSettings(text)).toThrow(SettingsError)
    expect(() => parseSettings(text)).toThrow(message)
  })

  it("takes an empty file for no settings", () => {
    expect(parseSettings("# nothing\n").size).toBe(0)
    expect(parseSettings(formatSettings(new Map())).size).toBe(0)
  })
})

describe("restoring", () => {
  it("writes only what differs: configuration first, then what is in no document, then what is read", async () => {
    const device = await camera()
    const saved = await saveSettings(device)
    const written: string[] = []
    for (const signal of [device.position, device.limit, device.mode, device.region.high]) {
      onPut<unknown>(signal, () => void written.push(signal.name))
    }
    await device.position.set(1)
    await device.limit.set(20)
    await device.region.high.set(9)
    written.length = 0
    const report = await restoreSettings(device, saved)
    expect(written).toEqual(["cam_region_high", "cam_limit", "cam_position"])
    expect(report).toEqual({
      restored: [
        { path: "region.high", saved: 2, present: 9 },
        { path: "limit", saved: 10, present: 20 },
        { path: "position", saved: 5, present: 1 },
      ],
      failed: [],
      unsaved: [],
    })
    expect(await saveSettings(device)).toBe(saved)
    await restoreSettings(device, saved)
    expect(written).toHaveLength(3)
  })

  it("can be told what comes first", async () => {
    const device = await camera()
    const { restored } = await restoreSettings(device, "region.low: 5\nlimit: 6\nposition: 7", {
      first: ["position", "limit"],
    })
    expect(restored.map(r => r.path)).toEqual(["position", "limit", "region.low"])
  })

  it("tries again what was refused, after the others: a limit may have to move first", async () => {
    const device = await camera()
    setMockMetadata(device.region.low, { limits: { control: { low: 0, high: 2 } } })
    onPut(device.region.high, high =>
      setMockMetadata(device.region.low, { limits: { control: { low: 0, high } } }),
    )
    const report = await restoreSettings(device, "region.low: 50\nregion.high: 90")
    expect(report.restored.map(r => r.path)).toEqual(["region.high", "region.low"])
    expect(report.failed).toEqual([])
  })

  it("reports what could not be restored, each with its reason, and goes on", async () => {
    const device = await camera()
    setMockMetadata(device.position, { limits: { control: { low: 0, high: 10 } } })
    onPut(device.mode, () => Promise.reject(new Error("camera is running")))
    onPut(device.labels, () => setMockValue(device.region.low, 3))
    const held = holdPuts(device.limit)
    const report = await restoreSettings(
      device,
      "region.low: 8\nposition: 70\nmode: Continuous\nlimit: 12\nlabels: [b]\nid: many",
      { timeout: 0.05 },
    )
    held.end()
    expect(report.restored.map(r => r.path)).toEqual(["labels", "region.low"])
    const why = Object.fromEntries(report.failed.map(({ path, error }) => [path, error]))
    expect(Object.keys(why)).toEqual(["id", "mode", "limit", "position"])
    expect(why["position"]).toBeInstanceOf(LimitError)
    expect(why["mode"]?.message).toMatch(/^cam_mode: set "Continuous" failed after .*camera is running$/)
    expect(why["limit"]).toBeInstanceOf(StatusTimeoutError)
    expect(why["id"]?.message).toBe(
      'id: "many" is not a bigint from -9223372036854775808 to 9223372036854775807',
    )
    expect(putsOf(device.limit)).toHaveLength(1)
  })

  it("reports what something else changed afterwards", async () => {
    const device = await camera()
    onPut(device.region.high, () => setMockValue(device.region.low, 3))
    const { failed } = await restoreSettings(device, "region.low: 8\nregion.high: 9")
    expect(failed.map(({ error }) => error.message)).toEqual(["region.low: was set to 8 and is 3 now"])
  })

  it("ends before the next write when it is aborted", async () => {
    const device = await camera()
    const abort = new AbortController()
    onPut(device.region.low, () => abort.abort(new Error("enough")))
    const restoring = restoreSettings(device, "region.low: 8\nregion.high: 9", { signal: abort.signal })
    await expect(restoring).rejects.toThrow("enough")
    expect(putsOf(device.region.high)).toEqual([])
  })

  it("a selection restores only that part", async () => {
    const device = await camera()
    const select = (path: string) => path.startsWith("region.")
    const { restored, unsaved } = await restoreSettings(device, "position: 1\nregion.low: 9", { select })
    expect(restored.map(r => r.path)).toEqual(["region.low"])
    expect(unsaved).toEqual(["region.high"])
  })
})

it.each<[string, Datatype<unknown>, unknown, string]>([
  ["a byte", uint8Array, [1, 256], "element 1 is 256, which no Uint8Array holds"],
  ["a negative one", uint32Array, [-1], "element 0 is -1, which no Uint32Array holds"],
  ["a fraction", int16Array, [1.5], "element 0 is 1.5, which no Int16Array holds"],
  ["64 bits", int64Array, [2n ** 63n], "element 0 is 9223372036854775808, which no BigInt64Array holds"],
])(
  "an element of a list that does not fit the array's is refused, not another one: %s",
  (_, datatype, list, why) => {
    expect(() => datatype.check(list, "mask", {})).toThrow(`mask: ${why}`)
    expect(Array.from(datatype.check([], "mask", {}) as Uint8Array)).toEqual([])
  },
)

it("64-bit integers in arrays and beyond the exact ones of a number stay exact", async () => {
  class Counter extends Device {
    readonly total = this.soft.rw(uint64, { initial: 2n ** 64n - 1n })
  }
  const counter = new Counter({ name: "c" })
  const saved = await saveSettings(counter)
  await counter.total.set(1n)
  await restoreSettings(counter, saved)
  expect(await counter.total.get()).toBe(2n ** 64n - 1n)
})
