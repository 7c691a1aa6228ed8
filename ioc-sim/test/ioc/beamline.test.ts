import { TestClock } from "@ophyd-ts/core/testing"
import { describe, expect, it, vi } from "vitest"
import { Beamline } from "../../src/ioc/beamline.ts"

const make = (seed = 1): { clock: TestClock; beamline: Beamline } => {
  const clock = new TestClock()
  return { clock, beamline: new Beamline({ prefix: "x:", clock, seed }) }
}
/** Whether a put has completed, once promises have settled. */
const completion = (result: Promise<void> | void): (() => Promise<boolean>) => {
  let done = result === undefined
  void result?.then(() => {
    done = true
  })
  return async () => {
    await Promise.resolve()
    return done
  }
}

/** Moves m1 to x and takes an exposure. */
const exposeAt = ({ clock, beamline }: ReturnType<typeof make>, x: number): number => {
  beamline.motors.m1.write("VAL", x)
  clock.advance(20)
  beamline.detector.acquire.write("VAL", 1)
  clock.advance(1)
  return beamline.detector.counts.value
}

describe("the beamline", () => {
  it("serves distinct records, all under its prefix", () => {
    const names = make().beamline.records.map(record => record.name)
    expect(new Set(names).size).toBe(names.length)
    expect(names.every(name => name.startsWith("x:"))).toBe(true)
  })

  it("has a peak over m1 where its PVs say", () => {
    const line = make()
    line.beamline.detector.center.write("VAL", -1)
    line.beamline.detector.width.write("VAL", 0.5)
    const positions = [-3, -1.5, -1, -0.5, 3]
    const [farLeft, left, top, right, farRight] = positions.map(x => exposeAt(line, x)) as [
      number,
      number,
      number,
      number,
      number,
    ]
    expect(top).toBeGreaterThan(9000)
    expect(left / top).toBeCloseTo(Math.exp(-0.5), 1)
    expect(right / top).toBeCloseTo(Math.exp(-0.5), 1)
    expect(Math.max(farLeft, farRight)).toBeLessThan(40)
  })

  it("repeats its counts with the same seed, and only with that", () => {
    const scan = (seed: number): number[] => {
      const line = make(seed)
      return [0, 0.25, 0.5].map(x => exposeAt(line, x))
    }
    expect(scan(7)).toEqual(scan(7))
    expect(scan(7)).not.toEqual(scan(8))
  })

  it("an exposure takes AcquireTime, completes when its counts can be read, and counts the time", async () => {
    const { clock, beamline } = make()
    const { acquire, acquireTime, monitor } = beamline.detector
    acquireTime.write("VAL", 2)
    const done = completion(acquire.write("VAL", 1))
    clock.advance(1.99)
    expect([await done(), acquire.value, monitor.value]).toEqual([false, 1, 0])
    clock.advance(0.02)
    expect([await done(), acquire.value]).toEqual([true, 0])
    expect(monitor.value / 400_000).toBeCloseTo(1, 1)
  })

  it("writing Done ends an exposure early with the counts so far", async () => {
    const { clock, beamline } = make()
    const { acquire, acquireTime, monitor } = beamline.detector
    acquireTime.write("VAL", 10)
    const done = completion(acquire.write("VAL", 1))
    clock.advance(1)
    acquire.write("VAL", 0)
    expect([await done(), acquire.value]).toEqual([true, 0])
    expect(monitor.value / 200_000).toBeCloseTo(1, 1)
  })

  it("a closed shutter leaves dark counts; the blade takes its time", async () => {
    const line = make()
    const { clock, beamline } = line
    expect(exposeAt(line, 0.5)).toBeGreaterThan(5000)
    const done = completion(beamline.shutter.request.write("VAL", 0))
    expect(beamline.shutter.position.value).toBe(2)
    expect(await done()).toBe(false)
    clock.advance(0.11)
    expect([await done(), beamline.shutter.position.value]).toEqual([true, 0])
    expect(exposeAt(line, 0.5)).toBeLessThan(20)
    expect(beamline.detector.monitor.value).toBe(0)
  })

  it("a shutter that is sent back ends both requests where it arrives", async () => {
    const { clock, beamline } = make()
    const first = completion(beamline.shutter.request.write("VAL", 0))
    clock.advance(0.05)
    const second = completion(beamline.shutter.request.write("VAL", 1))
    clock.advance(0.07)
    expect([await first(), await second()]).toEqual([false, false])
    clock.advance(0.05)
    expect([await first(), await second(), beamline.shutter.position.value]).toEqual([true, true, 1])
  })

  it("the ring's current decays and is topped up", () => {
    const { clock, beamline } = make()
    const seen: number[] = []
    for (let i = 0; i < 240; i++) {
      clock.advance(0.5)
      seen.push(beamline.ring.current.value)
    }
    expect(Math.min(...seen)).toBe(100)
    expect(Math.max(...seen)).toBe(102)
    const rises = seen.filter((value, index) => index > 0 && value > (seen[index - 1] ?? 0))
    expect(rises).toEqual([102, 102])
  })

  it("busy keeps a put with completion waiting until somebody writes Done", async () => {
    const { beamline } = make()
    const done = completion(beamline.busy.write("VAL", 1))
    expect(await done()).toBe(false)
    beamline.busy.write("VAL", 0)
    expect(await done()).toBe(true)
  })

  it("closing ends everything that waits and leaves no alarm on the clock", async () => {
    const { clock, beamline } = make()
    const puts = [
      beamline.motors.m1.write("VAL", 20),
      beamline.detector.acquire.write("VAL", 1),
      beamline.scaler.write("CNT", 1),
      beamline.shutter.request.write("VAL", 0),
      beamline.busy.write("VAL", 1),
    ]
    beamline.close()
    await Promise.all(puts)
    expect(clock.pending).toBe(0)
  })
})

describe("the scaler record", () => {
  it("counts for the preset time, showing what it has on the way", async () => {
    const { clock, beamline } = make()
    const { scaler } = beamline
    scaler.write("TP", 2)
    expect(scaler.read("PR1")).toBe(2e7)
    const done = completion(scaler.write("CNT", 1))
    clock.advance(1.05)
    expect(scaler.get("T")).toBeCloseTo(1, 1)
    expect(await done()).toBe(false)
    clock.advance(1)
    expect([await done(), scaler.get("CNT"), scaler.get("T"), scaler.read("S1")]).toEqual([true, 0, 2, 2e7])
    expect(Number(scaler.read("S2")) / 400_000).toBeCloseTo(1, 1)
    expect([scaler.read("NM1"), scaler.read("NM2"), scaler.read("NM3")]).toEqual([
      "seconds",
      "I0",
      "detector",
    ])
  })

  it("sums to the same counts as the rates say, whatever RATE shows", () => {
    const { clock, beamline } = make()
    for (const rate of [1, 60]) {
      beamline.scaler.write("RATE", rate)
      beamline.scaler.write("CNT", 1)
      clock.advance(2)
      expect(Number(beamline.scaler.read("S2")) / 200_000).toBeCloseTo(1, 1)
    }
  })

  it("writing 0 ends counting early", async () => {
    const { clock, beamline } = make()
    const done = completion(beamline.scaler.write("CNT", 1))
    clock.advance(0.25)
    beamline.scaler.write("CNT", 0)
    expect(await done()).toBe(true)
    expect(beamline.scaler.get("T")).toBeCloseTo(0.25, 6)
  })

  it("AutoCount counts for TP1 again and again, until somebody wants to count", async () => {
    const { clock, beamline } = make()
    const { scaler } = beamline
    scaler.write("TP1", 0.5)
    scaler.write("CONT", 1)
    clock.advance(1.25)
    expect([scaler.get("T"), scaler.get("CNT")]).toEqual([expect.closeTo(0.2, 6), 0])
    const done = completion(scaler.write("CNT", 1))
    clock.advance(1)
    expect([await done(), scaler.get("CNT")]).toEqual([true, 0])
    scaler.write("CONT", 0)
    clock.advance(1)
    expect(clock.pending).toBe(1) // the ring's
  })

  it("a preset count sets its gate, and PR1 sets TP", () => {
    const { beamline } = make()
    beamline.scaler.write("PR1", 5e6)
    beamline.scaler.write("PR3", 100)
    expect([beamline.scaler.get("TP"), beamline.scaler.read("G3")]).toEqual([0.5, 1])
  })

  it("tells its listener of every count", () => {
    const { clock, beamline } = make()
    const posted = vi.fn()
    beamline.scaler.serve({ posted, described: () => {} })
    beamline.scaler.write("CNT", 1)
    clock.advance(2)
    const fields = new Set(posted.mock.calls.map(([field]) => field))
    for (const field of ["CNT", "T", "S1", "S2", "S3"]) expect(fields).toContain(field)
  })
})
