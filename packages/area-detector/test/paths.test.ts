import {
  datedPaths,
  experimentPaths,
  fileUri,
  mappedPaths,
  numberedPaths,
  type PathInfo,
  type PathProvider,
  runPaths,
  staticPaths,
} from "@ophyd-ts/area-detector"
import { softSignal, string } from "@ophyd-ts/core"
import { bp, RunEngine } from "@ophyd-ts/run-engine"
import { simDetector } from "@ophyd-ts/run-engine/testing"
import { describe, expect, test } from "vitest"

const request = { detector: "det", time: new Date(2026, 10, 3, 8, 5, 9) }
const ask = async (provider: PathProvider): Promise<PathInfo> => await provider(request)
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

describe("path providers", () => {
  test("a static one gives one directory, which must exist, and a new name each time", async () => {
    const paths = staticPaths("/data/")
    const [one, other] = [await ask(paths), await ask(paths)]
    expect(one).toEqual({ directory: "/data", fileName: expect.stringMatching(uuid) })
    expect(other.fileName).not.toBe(one.fileName)
  })

  test("a fixed name is followed by the time, so that no file is written over; a made one is not", async () => {
    const dark = await ask(staticPaths("/data", { fileName: "dark" }))
    expect(dark.fileName).toBe("dark_20261103_080509_000")
    const made = await ask(staticPaths("/data", { fileName: ({ detector }) => `${detector}-x` }))
    expect(made).toEqual({ directory: "/data", fileName: "det-x" })
  })

  test.each([
    [undefined, "/data/2026/11/03", 3],
    ["%Y-%m-%d/%H%M%S", "/data/2026-11-03/080509", 2],
  ])(
    "by date (%s): a directory below the root, whose levels the IOC may create",
    async (format, directory, createLevels) => {
      expect(await ask(datedPaths("/data", { format }))).toMatchObject({ directory, createLevels })
    },
  )

  test("numbered ones count their directories", async () => {
    const paths = numberedPaths("/data", { prefix: "s", first: 9, digits: 3 })
    const directories = [await ask(paths), await ask(paths)].map(info => info.directory)
    expect(directories).toEqual(["/data/s009", "/data/s010"])
  })

  test("by run: named by the run's uid as the engine tells it, refused while no run is open", async () => {
    const paths = runPaths("/data", { directory: start => `scan_${start.scan_id}` })
    expect(paths.perRun.root).toBe("/data")
    expect(() => paths(request)).toThrow(expect.objectContaining({ code: "BAD_PATH" }))
    const RE = new RunEngine()
    RE.subscribe(paths.subscriber)
    const asked: unknown[] = []
    RE.subscribe((name, _doc) => {
      if (name === "event") asked.push(paths(request))
    })
    const { runUids } = await RE.run(bp.count([simDetector("d")]))
    expect(asked).toEqual([{ directory: "/data/scan_1", createLevels: 1, fileName: runUids[0] }])
    expect(paths.perRun.run()).toBe(null)
  })

  test("by experiment: asks a function or a signal for its directory, each time", async () => {
    let directory = "/gdata/dm/exp1"
    const paths = experimentPaths(async () => directory, { subdirectory: "det" })
    expect(await ask(paths)).toMatchObject({ directory: "/gdata/dm/exp1/det", createLevels: 1 })
    directory = "/gdata/dm/exp2"
    expect((await ask(paths)).directory).toBe("/gdata/dm/exp2/det")
    const signal = softSignal(string, { initial: "/gdata/dm/exp3" })
    const mapped = experimentPaths(signal, { readAs: { from: "/gdata", to: "/mnt/gdata" } })
    expect(await ask(mapped)).toMatchObject({
      directory: "/gdata/dm/exp3",
      readDirectory: "/mnt/gdata/dm/exp3",
    })
    await signal.set("")
    await expect(ask(mapped)).rejects.toMatchObject({ code: "BAD_PATH" })
  })

  test("Windows hosts keep their separators, and readers get theirs", async () => {
    const paths = mappedPaths(datedPaths("C:\\data"), { from: "C:\\data", to: "/mnt/det" })
    expect(await ask(paths)).toMatchObject({
      directory: "C:\\data\\2026\\11\\03",
      readDirectory: "/mnt/det/2026/11/03",
    })
    expect((await ask(datedPaths("/data", { readRoot: "/mnt/data" }))).readDirectory).toBe(
      "/mnt/data/2026/11/03",
    )
  })
})

test.each([
  ["/data/a b/50%.h5", "file://localhost/data/a%20b/50%25.h5"],
  ["C:\\data\\x.h5", "file://localhost/C:/data/x.h5"],
])("the address of %s is %s", (path, uri) => {
  expect(fileUri(path)).toBe(uri)
})
