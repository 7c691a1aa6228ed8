import { existsSync } from "node:fs"
import { readdir } from "node:fs/promises"
import { type Dataset, File, type Group, ready } from "h5wasm/node"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Setup } from "./support.ts"

/** What is in a file, by path. */
class Read implements Disposable {
  readonly #file: File

  constructor(path: string) {
    this.#file = new File(path, "r")
  }

  shape(path: string): unknown {
    return (this.#file.get(path) as Dataset | null)?.shape
  }

  values(path: string): number[] {
    return Array.from((this.#file.get(path) as Dataset).value as ArrayLike<number>)
  }

  attribute(path: string, name: string): unknown {
    return (this.#file.get(path) as Group).attrs[name]?.value
  }

  dataset(path: string): Dataset {
    return this.#file.get(path) as Dataset
  }

  [Symbol.dispose](): void {
    this.#file.close()
  }
}

const images = "/entry/data/data"

describe("the HDF5 plugin", { timeout: 60_000 }, () => {
  let ad: Setup

  beforeAll(async () => {
    await ready
    ad = await Setup.start({ areaDetector: { size: [20, 12] } })
    await ad.set({ "cam1:AcquireTime": 0.001, "cam1:ImageMode": "Multiple", "cam1:NumImages": 3 })
  })
  afterAll(() => ad?.[Symbol.asyncDispose]())

  /** Opens the file that was written last. */
  const read = async (plugin = "HDF1"): Promise<Read> => new Read(await ad.text(`${plugin}:FullFileName_RBV`))
  const status = async (): Promise<[number, string]> => [
    await ad.get("HDF1:WriteStatus"),
    await ad.text("HDF1:WriteMessage"),
  ]

  it("streams images into a file, opened with the first one, that is closed when the puts of Capture complete", async () => {
    const stop = await ad.capture()
    expect([await ad.text("HDF1:WriteMessage"), await ad.text("HDF1:FullFileName_RBV")]).toEqual([
      "Lazy Open...",
      "",
    ])
    await ad.put("cam1:Acquire", 1)
    await ad.put("cam1:Acquire", 1)
    expect(await ad.get("HDF1:NumCaptured_RBV")).toBe(6)
    expect([await ad.get("HDF1:WriteFile_RBV"), await status()]).toEqual([1, [0, ""]])
    await stop()
    expect([await ad.get("HDF1:Capture_RBV"), await ad.get("HDF1:WriteFile_RBV")]).toEqual([0, 0])
    expect(await ad.text("HDF1:FullFileName_RBV")).toBe(`${ad.directory}/test_000000.h5`)
    using file = await read()
    expect([file.shape(images), file.shape("/entry/instrument/detector/data")]).toEqual([
      [6, 12, 20],
      [6, 12, 20],
    ])
    const last = await ad.get("cam1:ArrayCounter_RBV")
    expect(file.values("/entry/instrument/NDAttributes/NDArrayUniqueId").at(-1)).toBe(last)
    for (const name of [
      "detector/NDAttributes/ColorMode",
      "NDAttributes/m1",
      "NDAttributes/NDArrayEpicsTSSec",
    ])
      expect([name, file.shape(`/entry/instrument/${name}`)]).toEqual([name, [6]])
    expect(file.shape("/entry/instrument/performance/timestamp")).toEqual([6, 5])
    const classes = {
      "/entry": "NXentry",
      "/entry/data": "NXdata",
      "/entry/instrument/detector": "NXdetector",
    }
    for (const [path, name] of Object.entries(classes)) expect(file.attribute(path, "NX_class")).toBe(name)
    expect([file.attribute("/entry", "default"), file.attribute("/entry/data", "signal")]).toEqual([
      "data",
      "data",
    ])
  })

  it("ends capturing by itself after NumCapture images, and numbers files on", async () => {
    await ad.capture({ "HDF1:NumCapture": 2 })
    const number = await ad.get("HDF1:FileNumber_RBV")
    await ad.put("cam1:Acquire", 1)
    await ad.until("HDF1:Capture_RBV", 0)
    expect([await ad.get("HDF1:NumCaptured_RBV"), await ad.get("HDF1:Capture")]).toEqual([2, 0])
    expect([await ad.get("HDF1:FileNumber_RBV"), await ad.get("HDF1:FileNumber")]).toEqual([
      number + 1,
      number + 1,
    ])
    using file = await read()
    expect(file.shape(images)).toEqual([2, 12, 20])
  })

  it("opens the file at once without LazyOpen, in chunks and with a compression as it is told", async () => {
    const chunks = { "HDF1:ChunkSizeAuto": 0, "HDF1:NumFramesChunks": 2, "HDF1:NumRowChunks": 6 }
    const stop = await ad.capture({
      "HDF1:LazyOpen": 0,
      "HDF1:Compression": "zlib",
      "HDF1:ZLevel": 3,
      ...chunks,
    })
    expect(existsSync(await ad.text("HDF1:FullFileName_RBV"))).toBe(true)
    await ad.put("cam1:Acquire", 1)
    await stop()
    await ad.set({ "HDF1:ChunkSizeAuto": 1, "HDF1:Compression": "None" })
    using file = await read()
    const { metadata, filters } = file.dataset(images)
    expect([metadata.shape, metadata.chunks]).toEqual([
      [3, 12, 20],
      [2, 6, 20],
    ])
    expect(filters.map(({ name, cd_values }) => [name, cd_values])).toEqual([["deflate", [3]]])
  })

  it("keeps images in memory in mode Capture, and writes them when it has them all or is told to", async () => {
    const capture = { "HDF1:FileWriteMode": "Capture", "HDF1:NumCapture": 3, "HDF1:AutoSave": 0 }
    await ad.capture(capture)
    await ad.put("cam1:Acquire", 1)
    await ad.until("HDF1:Capture_RBV", 0)
    expect(await ad.get("HDF1:NumCaptured_RBV")).toBe(3)
    await ad.put("HDF1:WriteFile", 1)
    using file = await read()
    expect([file.shape(images), await ad.get("HDF1:NumCaptured_RBV")]).toEqual([[3, 12, 20], 0])
    await ad.put("HDF1:WriteFile", 1)
    expect(await status()).toEqual([1, "ERROR, no capture buffer present"])
  })

  it("writes each image to a file of its own in mode Single with AutoSave, under another name until it is complete", async () => {
    const single = {
      "HDF1:FileWriteMode": "Single",
      "HDF1:AutoSave": 1,
      "HDF1:FileName": "one",
      "HDF1:TempSuffix": ".part",
    }
    await ad.set({ ...single, "HDF1:FileNumber": 7 })
    await ad.put("cam1:Acquire", 1)
    await ad.set({ "HDF1:AutoSave": 0, "HDF1:TempSuffix": "" })
    const files = (await readdir(ad.directory)).filter(name => name.startsWith("one"))
    expect(files.sort()).toEqual(["one_000007.h5", "one_000008.h5", "one_000009.h5"])
    await ad.put("HDF1:WriteFile", 1)
    expect(await ad.text("HDF1:FullFileName_RBV")).toBe(`${ad.directory}/one_000010.h5`)
    using file = await read()
    expect(file.shape(images)).toEqual([1, 12, 20])
  })

  it.each([
    ["Float64", "Mono", [3, 12, 20]],
    ["Int8", "RGB1", [3, 12, 20, 3]],
    ["UInt64", "RGB3", [3, 3, 12, 20]],
  ])("writes %s in mode %s", async (type, mode, shape) => {
    await ad.set({ "cam1:DataType": type, "cam1:ColorMode": mode })
    const stop = await ad.capture()
    await ad.put("cam1:Acquire", 1)
    await stop()
    await ad.set({ "cam1:DataType": "UInt16", "cam1:ColorMode": "Mono" })
    using file = await read()
    expect([await status(), file.shape(images)]).toEqual([[0, ""], shape])
  })

  it("ignores an image of another size than those before it, and says so", async () => {
    const stop = await ad.capture()
    await ad.put("cam1:Acquire", 1)
    await ad.put("cam1:SizeX", 10)
    await ad.put("cam1:Acquire", 1)
    expect([await ad.get("HDF1:NumCaptured_RBV"), await status()]).toEqual([
      3,
      [1, "Invalid frame. Ignoring."],
    ])
    await ad.put("cam1:SizeX", 20)
    await stop()
    expect(await status()).toEqual([0, ""])
  })

  it("flushes when it is told to, or after every so many images: others read the file while it is written", async () => {
    const stop = await ad.capture({ "HDF1:NumFramesFlush": 2 })
    await ad.put("cam1:Acquire", 1)
    const rows = async (): Promise<unknown> => {
      using file = await read()
      return [file.shape(images), file.shape("/entry/instrument/NDAttributes/NDArrayUniqueId")]
    }
    expect(await rows()).toEqual([[2, 12, 20], [2]])
    await ad.put("HDF1:FlushNow", 1)
    expect([await rows(), await ad.get("HDF1:FlushNow")]).toEqual([[[3, 12, 20], [3]], 0])
    await stop()
    await ad.put("HDF1:NumFramesFlush", 0)
  })

  it("writes for a single writer and many readers when it is told to", async () => {
    const stop = await ad.capture({ "HDF1:SWMRMode": "On" })
    await ad.put("cam1:Acquire", 1)
    expect(await ad.get("HDF1:SWMRActive_RBV")).toBe(1)
    await ad.put("HDF1:FlushNow", 1)
    expect(await ad.get("HDF1:SWMRCbCounter_RBV")).toBe(1)
    await stop()
    await ad.put("HDF1:SWMRMode", "Off")
    using file = await read()
    expect([file.shape(images), await ad.get("HDF1:SWMRActive_RBV")]).toEqual([[3, 12, 20], 0])
  })

  describe("that cannot do what it is asked", () => {
    it("refuses to capture in Single mode", async () => {
      await ad.set({ "HDF1:FileWriteMode": "Single", "HDF1:Capture": 1 })
      expect(await status()).toEqual([1, "ERROR: capture not supported in Single mode"])
      expect([await ad.get("HDF1:Capture"), await ad.get("HDF1:Capture_RBV")]).toEqual([0, 0])
    })

    it("refuses to capture before it has seen an image, unless the file may be opened later", async () => {
      await using fresh = await Setup.start()
      await fresh.set({ "HDF1:FileWriteMode": "Stream", "HDF1:Capture": 1 })
      expect(await fresh.text("HDF1:WriteMessage")).toBe(
        "ERROR, must collect an array to get dimensions first",
      )
      await fresh.set({ "HDF1:FileWriteMode": "Capture", "HDF1:LazyOpen": 1, "HDF1:Capture": 1 })
      expect(await fresh.text("HDF1:WriteMessage")).toContain("No arrays collected")
      expect([await fresh.get("HDF1:WriteStatus"), await fresh.get("HDF1:Capture_RBV")]).toEqual([1, 0])
    })

    it("refuses a compression that it does not have", async () => {
      await ad.set({ "HDF1:FileWriteMode": "Stream", "HDF1:Compression": "Blosc", "HDF1:Capture": 1 })
      expect((await status())[1]).toContain("cannot compress with Blosc")
      await ad.put("HDF1:Compression", "None")
    })

    it("shows whether a directory exists, and makes it when it may", async () => {
      const path = `${ad.directory}/new/deep`
      await ad.set({ "HDF1:CreateDirectory": 0, "HDF1:FilePath": path })
      expect([await ad.get("HDF1:FilePathExists_RBV"), await ad.text("HDF1:FilePath_RBV")]).toEqual([
        0,
        `${path}/`,
      ])
      await ad.set({ "HDF1:CreateDirectory": -2, "HDF1:FilePath": path })
      expect([await ad.get("HDF1:FilePathExists_RBV"), existsSync(path)]).toEqual([1, true])
    })

    it("says which file it could not open: in a directory that is not there, or where it may not write", async () => {
      const missing = `${ad.directory}/nowhere`
      const settings = { "HDF1:FileWriteMode": "Stream", "HDF1:LazyOpen": 0, "HDF1:CreateDirectory": 0 }
      await ad.set({ ...settings, "HDF1:FilePath": missing, "HDF1:Capture": 1 })
      expect(await status()).toEqual([
        1,
        expect.stringMatching(`Error opening file ${missing}/.*, status=3 \\(ENOENT`),
      ])
      const mend = ad.ioc.addDetectorFault({ kind: "not-writable" })
      await ad.set({ "HDF1:FilePath": ad.directory, "HDF1:Capture": 1 })
      expect(await status()).toEqual([1, expect.stringContaining("status=3 (permission denied)")])
      expect(await ad.get("HDF1:Capture_RBV")).toBe(0)
      mend()
    })

    it("with LazyOpen fails at the first image, and goes on to try", async () => {
      const mend = ad.ioc.addDetectorFault({ kind: "not-writable" })
      const stop = await ad.capture()
      await ad.put("cam1:Acquire", 1)
      expect([await ad.get("HDF1:NumCaptured_RBV"), await ad.get("HDF1:Capture_RBV")]).toEqual([0, 1])
      expect((await status())[0]).toBe(1)
      mend()
      await ad.put("cam1:Acquire", 1)
      expect([await ad.get("HDF1:NumCaptured_RBV"), await status()]).toEqual([3, [0, ""]])
      await stop()
    })

    it("with a full disk keeps what was flushed: the file can be read up to there", async () => {
      const stop = await ad.capture({ "HDF1:NumFramesFlush": 2 })
      const mend = ad.ioc.addDetectorFault({ kind: "disk-full", afterFrames: 5 })
      await ad.put("cam1:Acquire", 1)
      await ad.put("cam1:Acquire", 1)
      expect([await ad.get("HDF1:NumCaptured_RBV"), await status()]).toEqual([
        5,
        [1, "Error writing file, status=3 (no space left on device)"],
      ])
      await stop()
      expect((await status())[0]).toBe(1)
      mend()
      await ad.put("HDF1:NumFramesFlush", 0)
      using file = await read()
      expect([file.shape(images), file.shape("/entry/instrument/NDAttributes/m1")]).toEqual([
        [4, 12, 20],
        [4],
      ])
    })
  })

  it("closes the file when the IOC restarts in the middle", async () => {
    await using other = await Setup.start({ areaDetector: { size: [8, 8] } })
    await other.set({ "cam1:AcquireTime": 0.001, "cam1:ImageMode": "Single" })
    await other.capture()
    await other.put("cam1:Acquire", 1)
    const path = await other.text("HDF1:FullFileName_RBV")
    await other.ioc.restart()
    using file = new Read(path)
    expect(file.shape(images)).toEqual([1, 8, 8])
  })
})

describe("the TIFF plugin", { timeout: 60_000 }, () => {
  it("streams each image into a file of its own", async () => {
    await using ad = await Setup.start({ areaDetector: { size: [20, 12] } })
    await ad.set({ "cam1:AcquireTime": 0.001, "cam1:ImageMode": "Multiple", "cam1:NumImages": 2 })
    const tiff = {
      "TIFF1:EnableCallbacks": 1,
      "TIFF1:FilePath": ad.directory,
      "TIFF1:FileName": "t",
      "cam1:WaitForPlugins": 1,
    }
    await ad.set({ ...tiff, "TIFF1:FileWriteMode": "Stream", "TIFF1:NumCapture": 2 })
    const over = ad.put("TIFF1:Capture", 1)
    await ad.until("TIFF1:Capture_RBV", 1)
    await ad.put("cam1:Acquire", 1)
    await over
    expect((await readdir(ad.directory)).sort()).toEqual(["t_000000.tiff", "t_000001.tiff"])
    expect(await ad.get("TIFF1:NumCaptured_RBV")).toBe(2)
  })
})
