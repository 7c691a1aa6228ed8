import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import {
  createDirectory,
  fileName,
  isDirectory,
  withSeparator,
} from "../../../src/ioc/area-detector/files/paths.ts"

describe("the name of a file", () => {
  it.each([
    ["%s%s_%6.6d.h5", "/d/scan_000042.h5"],
    ["%s%s.h5", "/d/scan.h5"],
    ["%s%s_%3d.h5", "/d/scan_ 42.h5"],
    ["%s%s_%03d.h5", "/d/scan_042.h5"],
    ["%s%s_%-4d.h5", "/d/scan_42  .h5"],
    ["%s%s_%+d.h5", "/d/scan_+42.h5"],
    ["%s%s_%4.4x.h5", "/d/scan_002a.h5"],
    ["%s%.2s_%d%%.h5", "/d/sc_42%.h5"],
    ["constant.h5", "constant.h5"],
  ])("made with %s is %s", (template, expected) => {
    expect(fileName(template, "/d/", "scan", 42)).toBe(expected)
  })
})

describe("a directory", () => {
  let root: string
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "paths-"))
  })
  afterAll(() => rmSync(root, { recursive: true }))

  it("is shown with the separator that ends it", () => {
    expect(["/a", "/a/", ""].map(withSeparator)).toEqual(["/a/", "/a/", ""])
  })

  it.each([
    ["no level with 0", 0, ["a"], false],
    ["one level with -1", -1, ["b"], true],
    ["not two levels with -1", -1, ["c", "d"], false],
    ["three levels with -3", -3, ["e", "f", "g"], true],
  ])("makes %s", (_what, depth, parts, made) => {
    const path = join(root, ...parts)
    expect([createDirectory(`${path}/`, depth), isDirectory(path)]).toEqual([made, made])
  })

  it("needs the first so many levels with a positive depth", () => {
    const existing = root.split("/").filter(part => part !== "").length
    expect(createDirectory(join(root, "h", "i"), existing + 1)).toBe(false)
    expect(createDirectory(join(root, "h", "i"), existing)).toBe(true)
  })

  it("is neither a file nor nothing", () => {
    writeFileSync(join(root, "file"), "")
    expect([isDirectory(join(root, "file")), isDirectory("")]).toEqual([false, false])
    expect(createDirectory(join(root, "file", "below"), -5)).toBe(false)
  })
})
