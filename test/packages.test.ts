import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { packages, root } from "../scripts/workspace.ts"

const script = (name: string): string =>
  execFileSync("npx", ["tsx", join("scripts", name)], {
    cwd: root,
    encoding: "utf8",
    shell: process.platform === "win32",
  })

describe("the house", () => {
  it("keeps its arrows pointing down", () => {
    expect(script("check-architecture.ts")).toMatch(/architecture: \d+ packages, 0 problems/)
  })

  it("links every internal package in the lockfile", () => {
    expect(script("check-lockfile.ts")).toMatch(/lockfile: \d+ internal packages linked, 0 problems/)
  })

  it.each(packages())("$manifest.name comes with the licence, which asks for it", ({ folder }) => {
    expect(readFileSync(join(root, folder, "LICENSE"), "utf8")).toBe(
      readFileSync(join(root, "LICENSE"), "utf8"),
    )
  })
})
