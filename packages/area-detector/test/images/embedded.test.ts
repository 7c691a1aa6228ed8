import { type EmbeddedBeamline, startBeamline } from "@ophyd-ts/ioc-sim"
import { CaClient } from "node-epics-ca"
import { PvaClient } from "pvxs-node"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { CaFrames, type Frame, PvaFrames } from "../../src/images/index.ts"

describe("images of the embedded detector", { timeout: 60_000 }, () => {
  const prefix = `t${Math.random().toString(36).slice(2, 8)}:`
  const cam = `${prefix}ad:cam1:`
  let beamline: EmbeddedBeamline
  let ca: CaClient
  let pva: PvaClient
  let overPva: PvaFrames
  let overCa: CaFrames

  beforeAll(async () => {
    beamline = await startBeamline({ prefix, areaDetector: { sensor: [40, 30] } })
    const config = beamline.clientConfig()
    ca = new CaClient({ ...config.ca, timeout: 20 })
    pva = new PvaClient({ ...config.pva, timeout: 20 })
    overPva = new PvaFrames(`${prefix}ad:Pva1:Image`, { client: pva })
    overCa = new CaFrames(`${prefix}ad:image1:`, { client: ca })
    await ca.put(`${prefix}ad:Pva1:EnableCallbacks`, "Enable")
    await ca.put(`${prefix}ad:image1:EnableCallbacks`, "Enable")
    await ca.put(`${cam}WaitForPlugins`, "Yes")
    await ca.put(`${cam}AcquireTime`, 0.001)
    await ca.put(`${cam}AcquirePeriod`, 0.001)
    await ca.put(`${cam}ImageMode`, "Single")
  })
  afterAll(async () => {
    await Promise.all([ca?.close(), pva?.close()])
    await beamline?.close()
  })

  const acquire = (): Promise<void> => ca.put(`${cam}Acquire`, 1, { completion: true, timeout: 20 })
  const numbers = ({ data }: Frame): number[] => Array.from(data as ArrayLike<number | bigint>, Number)

  it("are the same over both protocols: number, shape, pixels and time", async () => {
    await acquire()
    const [one, other] = await Promise.all([overPva.get(), overCa.get()])
    expect(one).toMatchObject({ shape: [30, 40], colorMode: "Mono", codec: "" })
    expect(other).toMatchObject({ shape: one.shape, colorMode: one.colorMode, uniqueId: one.uniqueId })
    expect(numbers(one)).toEqual(numbers(other))
    expect(new Set(one.data as Uint8Array).size).toBeGreaterThan(3)
    expect(other.time).toBeCloseTo(one.time, 0)
    expect(Math.abs(one.time - Date.now() / 1000)).toBeLessThan(60)
    expect(one.attributes.get("ColorMode")).toBe(0)
  })

  it.each([
    ["Int8", "int8"],
    ["UInt8", "uint8"],
    ["Int16", "int16"],
    ["UInt16", "uint16"],
    ["Int32", "int32"],
    ["UInt32", "uint32"],
    ["Int64", "int64"],
    ["UInt64", "uint64"],
    ["Float32", "float32"],
    ["Float64", "float64"],
  ])("of data type %s have pixels of %s", async (dataType, dtype) => {
    await ca.put(`${cam}DataType`, dataType)
    await acquire()
    const frame = await overPva.get()
    expect(frame).toMatchObject({ dtype, shape: [30, 40] })
    expect(numbers(frame)).toEqual(numbers(await overCa.get()))
  })

  it.each([
    ["RGB1", [30, 40, 3]],
    ["RGB2", [30, 3, 40]],
    ["RGB3", [3, 30, 40]],
    ["Mono", [30, 40]],
  ])("in mode %s have the shape %j", async (colorMode, shape) => {
    await ca.put(`${cam}DataType`, "UInt8")
    await ca.put(`${cam}ColorMode`, colorMode)
    await acquire()
    for (const frames of [overPva, overCa])
      expect(await frames.get()).toMatchObject({ colorMode, shape, width: 40, height: 30 })
  })

  it("come all, while the camera runs freely, and their numbers start anew when it is told so", async () => {
    const stream = overPva.all({ queue: 64 })
    await stream.ready()
    await ca.put(`${cam}ImageMode`, "Multiple")
    await ca.put(`${cam}NumImages`, 20)
    const take = async (n: number): Promise<number[]> => {
      const ids: number[] = []
      while (ids.length < n) ids.push((await stream.next()).value!.uniqueId)
      return ids
    }
    await acquire()
    const ids = await take(20)
    expect(ids).toEqual(Array.from({ length: 20 }, (_, i) => ids[0]! + i))
    await ca.put(`${cam}ArrayCounter`, 0)
    await acquire()
    expect(await take(20)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    expect(stream).toMatchObject({ received: 40, skipped: 0, restarts: 1 })
    stream.close()
  })
})
