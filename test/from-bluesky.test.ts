/** The page for those who come from bluesky: its examples compile and print what it says, and its tables name only what there is. */
import { execFile } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import * as engine from "@ophyd-ts/run-engine"
import * as node from "@ophyd-ts/run-engine/node"
import { describe, expect, it } from "vitest"
import { root } from "../scripts/workspace.ts"
import { codeOf } from "./support/page-blocks.ts"

const page = readFileSync(join(root, "docs", "from-bluesky.md"), "utf8").replaceAll("\r\n", "\n")

describe("the examples", () => {
  it("compile, run, and print what the page says", { timeout: 120_000 }, async () => {
    const run = promisify(execFile)
    // Below the workspace, so that the packages are found.
    const cache = join(root, ".cache")
    mkdirSync(cache, { recursive: true })
    const folder = mkdtempSync(join(cache, "from-bluesky-"))
    try {
      writeFileSync(join(folder, "example.ts"), codeOf(page, "ts").join("\n"))
      writeFileSync(
        join(folder, "tsconfig.json"),
        JSON.stringify({ extends: join(root, "tsconfig.test.json"), include: ["example.ts"] }),
      )
      const tsc = join(root, "node_modules", "typescript", "bin", "tsc")
      await run(process.execPath, [tsc, "-p", folder]).catch((error: { stdout: string }) => {
        throw new Error(`the examples do not compile:\n${error.stdout}`)
      })
      const { stdout } = await run(
        process.execPath,
        ["--import", "tsx", "--conditions=@ophyd-ts/source", "example.ts"],
        { cwd: folder },
      )
      expect(stdout).toBe(codeOf(page, "text").join(""))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

/** Rows of the table below a heading: names of bluesky and of ours. */
function rows(heading: string): { theirs: string[]; ours: string[] }[] {
  const section = page.split(/^### /m).find(part => part.startsWith(`${heading}\n`)) ?? ""
  const names = (cell: string): string[] => [...cell.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name)
  return [...section.matchAll(/^\| (`.*?) \| (.*?) \|$/gm)].map(([, theirs = "", ours = ""]) => ({
    theirs: names(theirs),
    ours: names(ours),
  }))
}

const things = { ...engine, ...node }
const everywhere = [things, engine.bps, engine.bpp]
const RE = new engine.RunEngine()

/** Options and types, which leave no trace at run time. */
const typesOnly = new Set([
  ...["errorOnTimeout", "strict", "validateMetadata", "normalizeMetadata", "scanId"],
  ...["msg", "waiting", "problem", "preprocessor", "Suspender", "RunEngineResult", "Msg"],
])

describe("the tables", () => {
  it.each<[string, readonly object[], number]>([
    ["Plans", [engine.bp, engine.bps], 18],
    ["Stubs", [engine.bps], 45],
    ["Preprocessors", [engine.bpp, ...everywhere], 18],
    ["Suspenders", [things], 8],
    ["Simulators and callbacks", [things, RE], 9],
    ["The engine", [things, RE], 25],
  ])("of %s name only what there is", (heading, places, least) => {
    const ours = rows(heading).flatMap(row => row.ours)
    expect(ours.length).toBeGreaterThanOrEqual(least)
    expect(ours.filter(name => !typesOnly.has(name) && !places.some(place => name in place))).toEqual([])
  })

  it("have every plan, every stub and every preprocessor of ours", () => {
    const missing = (heading: string, all: object): string[] => {
      const named = new Set(rows(heading).flatMap(row => row.ours))
      return Object.keys(all).filter(name => !named.has(name))
    }
    expect(missing("Plans", engine.bp)).toEqual([])
    expect(missing("Stubs", engine.bps)).toEqual([])
    // These have no counterpart in bluesky.
    const own = ["decorated", "interruptible", "uninterrupted"]
    expect(missing("Preprocessors", engine.bpp).sort()).toEqual(own)
  })
})
