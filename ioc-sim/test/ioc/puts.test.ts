import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { TestClock } from "@ophyd-ts/core/testing"
import { describe, expect, it } from "vitest"
import { MotorRecord } from "../../src/ioc/records/motor.ts"
import { BusyRecord } from "../../src/ioc/records/value.ts"

/** Clients that wait for completion, and what has happened in order. */
function setUp() {
  const clock = new TestClock()
  const busy = new BusyRecord("x:busy", clock)
  const told: string[] = []
  busy.serve({
    posted: (field, value, _alarm, _time, again) =>
      void told.push(`${field} ${value}${again ? " again" : ""}`),
    described: () => {},
  })
  const put = (who: string, field: string, value: number | string): AbortController => {
    const controller = new AbortController()
    const end = (how: string) => (): void => void told.push(`${who} ${how}`)
    const outcome = busy.put(field, value, controller)
    if (outcome === undefined) end("complete")()
    else outcome.then(end("complete"), end("failed"))
    return controller
  }
  /** What has happened since the last time. */
  const since = async (): Promise<string[]> => {
    await new Promise(resolve => setImmediate(resolve))
    return told.splice(0)
  }
  return { clock, busy, put, since }
}

describe("puts with completion to one record", () => {
  it("are carried out one after another, whatever their fields", async () => {
    const { busy, put, since } = setUp()
    put("a", "VAL", 1)
    put("b", "DESC", "of b")
    put("c", "VAL", 1)
    put("d", "DESC", "of d")
    expect(await since()).toEqual(["VAL 1"])
    busy.write("VAL", 0)
    expect(await since()).toEqual(["VAL 0", "DESC of b", "VAL 1", "a complete", "b complete"])
    busy.write("VAL", 0)
    expect((await since()).toSorted()).toEqual(["DESC of d", "VAL 0", "c complete", "d complete"])
    put("e", "DESC", "of e")
    expect(await since()).toEqual(["DESC of e", "e complete"])
  })

  it("do not hold up one without completion", async () => {
    const { busy, put, since } = setUp()
    put("a", "VAL", 1)
    put("b", "VAL", 1)
    busy.write("DESC", "at once")
    expect(await since()).toEqual(["VAL 1", "DESC at once"])
  })

  it("leave the record to the next when their client goes, and are forgotten while they wait", async () => {
    const { busy, put, since } = setUp()
    const a = put("a", "VAL", 1)
    const b = put("b", "VAL", 0)
    put("c", "DESC", "of c")
    expect(await since()).toEqual(["VAL 1"])
    b.abort()
    expect(await since()).toEqual(["b complete"])
    a.abort()
    expect(await since()).toEqual(["DESC of c", "a complete", "c complete"])
    // The record is still busy with what the client wanted that has gone.
    expect(busy.get("VAL")).toBe(1)
  })

  it("keep nothing of a client that has gone, however long the record goes on", async () => {
    const { busy } = setUp()
    const leave = (): WeakRef<object> => {
      const controller = new AbortController()
      const client = { name: "somebody with large buffers" }
      const { signal } = controller
      signal.addEventListener("abort", () => client.name)
      void Promise.resolve(busy.put("VAL", 1, { signal })).then(() => client.name)
      controller.abort()
      return new WeakRef(client)
    }
    const clients = [leave(), leave(), leave()]
    setFlagsFromString("--expose-gc")
    const collect = runInNewContext("gc") as () => void
    await expect
      .poll(() => {
        collect()
        return clients.filter(client => client.deref() !== undefined).length
      })
      .toBe(0)
    expect(busy.get("VAL")).toBe(1)
  })

  it("are refused in their turn, and the next one is carried out", async () => {
    const { busy, put, since } = setUp()
    put("a", "VAL", 1)
    put("b", "NAME", "another")
    put("c", "DESC", "of c")
    busy.write("VAL", 0)
    expect(await since()).toEqual(["VAL 1", "VAL 0", "DESC of c", "a complete", "b failed", "c complete"])
  })

  it("end when the record is closed, and those that wait are not begun", async () => {
    const { busy, put, since } = setUp()
    put("a", "VAL", 1)
    put("b", "DESC", "of b")
    busy.close()
    expect(await since()).toEqual(["VAL 1", "b complete", "a complete"])
  })
})

describe("a record", () => {
  it("posts a value once, and says when the same one comes again", async () => {
    const { busy, put, since } = setUp()
    put("a", "VAL", 0)
    busy.write("VAL", 1)
    busy.write("VAL", 1)
    expect(await since()).toEqual(["VAL 0 again", "a complete", "VAL 1", "VAL 1 again"])
  })

  it("tells of its alarm in fields, too", () => {
    const clock = new TestClock()
    const motor = new MotorRecord("x:m", clock, { travel: [-1, 1] })
    motor.write("VAL", 5)
    clock.advance(10)
    expect([motor.read("HLS"), motor.read("SEVR"), motor.read("STAT")]).toEqual([1, 2, 4])
    motor.write("VAL", 0)
    clock.advance(10)
    expect([motor.read("HLS"), motor.read("SEVR"), motor.read("STAT")]).toEqual([0, 0, 0])
  })

  it("keeps as much of a text as its field has room for", () => {
    const motor = new MotorRecord("x:m", new TestClock())
    motor.write("EGU", "micrometres and é")
    motor.write("DESC", `${"é".repeat(19)}abc`)
    expect([motor.get("EGU"), motor.read("DESC")]).toEqual(["micrometres and", `${"é".repeat(19)}a`])
  })
})
