import { readFile } from "node:fs/promises"
import { join, resolve } from "node:path"
import { describe, expect, it } from "vitest"
import { findPython, packageFolder, venvFolder, venvPython } from "../../src/softioc/python.ts"

describe("the Python environment", () => {
  it("is a folder of the repository, or the one that OPHYD_TS_VENV names", () => {
    expect(venvFolder({})).toBe(resolve(packageFolder, "..", ".venv"))
    expect(venvFolder({ OPHYD_TS_VENV: "/x/y" })).toBe(resolve("/x/y"))
  })

  it("has its interpreter where the system puts it", () => {
    expect(venvPython("v", "linux")).toBe(join("v", "bin", "python"))
    expect(venvPython("v", "win32")).toBe(join("v", "Scripts", "python.exe"))
  })

  it("is not made when no Python is found: the error names what was tried", async () => {
    await expect(findPython(["no-such-python-3", "no-such-python"])).rejects.toMatchObject({
      code: "python-not-found",
      message: expect.stringMatching(
        /no Python 3\.11 or newer.*no-such-python-3: not found, no-such-python: not found/,
      ),
    })
  })

  it.each([
    ["softioc", 5],
    ["peers", 100],
  ])("requirements-%s.txt holds pinned requirements only, from no named source", async (name, atLeast) => {
    const list = join(packageFolder, "python", `requirements-${name}.txt`)
    const lines = (await readFile(list, "utf8")).split("\n")
    const requirements = lines.filter(line => line !== "" && !line.startsWith("#"))
    expect(requirements.length).toBeGreaterThanOrEqual(atLeast)
    for (const line of requirements) expect(line).toMatch(/^[\w.-]+==[\w.]+(\s+# .*)?$/)
  })
})
