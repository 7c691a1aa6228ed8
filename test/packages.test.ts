import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { root } from "../scripts/workspace.ts"

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
})
