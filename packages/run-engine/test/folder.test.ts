import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { makeFolder } from "../src/node/index.ts"

describe("a folder that is made", () => {
  let root: string
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "folder-"))
  })
  afterEach(() => rmSync(root, { recursive: true }))

  it("has those above it made, too, and may be there already", () => {
    makeFolder(join(root, "a", "b", "c"))
    makeFolder(join(root, "a", "b", "c"))
    expect(statSync(join(root, "a", "b", "c")).isDirectory()).toBe(true)
  })

  it.skipIf(process.platform === "win32")("is open to whom the mode says, as those above it", () => {
    makeFolder(join(root, "a", "b"), 0o700)
    for (const path of ["a", "a/b"]) expect(statSync(join(root, path)).mode & 0o777).toBe(0o700)
  })

  it("is refused where a file is in the way", () => {
    writeFileSync(join(root, "file"), "")
    expect(() => makeFolder(join(root, "file"))).toThrow("EEXIST")
    expect(() => makeFolder(join(root, "file", "a"))).toThrow(/EEXIST|ENOTDIR|ENOENT/)
  })

  it.runIf(process.platform === "linux")(
    "is refused at once where the file system knows no such folder, as an automounter of absent hosts",
    () => {
      expect(() => makeFolder("/proc/absent/a/b")).toThrow(/ENOENT.*'\/proc\/absent'/)
    },
  )
})
