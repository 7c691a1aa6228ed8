import { describe, expect, it } from "vitest"
import { experimentName, nameIn } from "../src/collect/run-files.ts"

describe("the name of a file in the experiment", () => {
  it.each([
    ["/local/tomo/set/scan 1.h5", "/local/tomo", "set/scan 1.h5"],
    ["/local/tomo/scan.h5", "/local/tomo//", "scan.h5"],
    ["/scan.h5", "/", "scan.h5"],
    ["/local/tomo/scan.h5", "@ws1:/local/tomo", "scan.h5"],
    ["/local/tomo/scan.h5", "ftp://ws1:2811/local/tomo", "scan.h5"],
    ["/local/a\\b/scan.h5", "/local", "a\\b/scan.h5"],
    ["C:\\data\\set\\scan.h5", "C:\\data", "set/scan.h5"],
    ["C:\\data\\set\\scan.h5", "@ws1:C:/data/", "set/scan.h5"],
    ["\\\\server\\share\\scan.h5", "\\\\server\\share", "scan.h5"],
  ])("of %s, which a DAQ brings from %s, is %s", (path, directory, name) => {
    expect(nameIn(path, directory)).toBe(name)
    expect(experimentName(path, directory, "raw/")).toBe(`raw/${name}`)
  })

  it.each([
    ["/local/tomography/scan.h5", "/local/tomo"],
    ["D:\\data\\scan.h5", "C:\\data"],
  ])("is not known for %s, which does not lie in %s", (path, directory) => {
    expect(() => nameIn(path, directory)).toThrow(`${path} does not lie in ${directory}`)
  })
})
