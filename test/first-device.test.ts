/**
 * What a newcomer does, from an empty folder: install the packed packages, and follow the how-to pages block by block.
 * Packages of others come packed from this repository's own `node_modules`, so that no registry is asked.
 */
import { execFileSync } from "node:child_process"
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Manifest, packages, root } from "../scripts/workspace.ts"
import { type Block, blocksOf } from "./support/page-blocks.ts"

const windows = process.platform === "win32"

function run(command: string, args: readonly string[], cwd: string): string {
  try {
    return execFileSync(command, args, {
      cwd,
      encoding: "utf8",
      stdio: "pipe",
      shell: windows && command === "npm",
    })
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    throw new Error(`${command} ${args.join(" ")} failed:\n${stdout}\n${stderr}`)
  }
}

/** A tool of this repository, run by Node itself. */
const tool = (name: string, ...path: string[]): string => join(root, "node_modules", name, ...path)
const tsc = (cwd: string, ...args: string[]): string =>
  run(process.execPath, [tool("typescript", "bin", "tsc"), ...args], cwd)
const vitest = (cwd: string, ...args: string[]): string =>
  run(process.execPath, [tool("vitest", "vitest.mjs"), "run", "--root", cwd, ...args], cwd)

const blocks = (page: string): Block[] => blocksOf(readFileSync(join(root, "docs", "how-to", page), "utf8"))

interface Needs {
  /** Folders of this repository. */
  ours: string[]
  others: string[]
}

/** These packages of ours, and all that they need in turn. */
function needs(names: readonly string[]): Needs {
  const own = new Map(packages().map(({ folder, manifest }) => [manifest.name, join(root, folder)]))
  const folders = new Map<string, string>()
  const visit = (name: string): void => {
    if (folders.has(name)) return
    const folder = own.get(name) ?? tool(name)
    folders.set(name, folder)
    const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest
    for (const dependency of Object.keys(manifest.dependencies ?? {})) visit(dependency)
  }
  for (const name of names) visit(name)
  const all = [...folders].map(([name, folder]) => ({ isOurs: own.has(name), folder }))
  const pick = (isOurs: boolean): string[] => all.filter(p => p.isOurs === isOurs).map(p => p.folder)
  return { ours: pick(true), others: pick(false) }
}

const base = mkdtempSync(join(tmpdir(), "first-device-"))
const folder = join(base, "first-device")
const tarballs = join(base, "tarballs")

/** Gives a folder a tool of this repository, as `npm install --save-dev` would. */
function link(into: string, name: string): void {
  const place = join(into, "node_modules", name)
  mkdirSync(dirname(place), { recursive: true })
  symlinkSync(tool(name), place, "junction")
}

afterAll(() => rmSync(base, { recursive: true, force: true }))

describe("from an empty folder", { timeout: 120_000 }, () => {
  const pages = ["write-a-device.md", "test-a-device.md"].flatMap(blocks)
  const shell = pages
    .filter(({ language }) => language === "sh")
    .map(({ text }) => text)
    .join("")

  beforeAll(() => {
    const installed = [...shell.matchAll(/^npm install (?:--save-dev )?(.*)$/gm)].flatMap(([, names = ""]) =>
      names.split(" "),
    )
    const isOurs = (name: string): boolean => name.startsWith("@ophyd-ts/")
    const { ours, others } = needs(installed.filter(isOurs))
    tsc(root, "-b", ...ours)

    mkdirSync(tarballs)
    mkdirSync(folder)
    const packed = [...ours, ...others]
    run("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", tarballs, ...packed], base)
    expect(readdirSync(tarballs)).toHaveLength(packed.length)

    run("npm", ["init", "-y"], folder)
    run("npm", ["pkg", "set", "type=module"], folder)
    const files = readdirSync(tarballs).map(name => join(tarballs, name))
    run("npm", ["install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", ...files], folder)
    for (const name of installed) if (!isOurs(name)) link(folder, name)

    pages.forEach(({ language, file, text }, i) => {
      const path = file ?? (language === "ts" ? `src/example${i}.ts` : undefined)
      if (path === undefined) return
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    })
  }, 240_000)

  it("the first device compiles, with every example of the page, and counts", () => {
    tsc(folder)
    const printed = run(process.execPath, [join("dist", "src", "main.js")], folder)
    const stated = pages.find(({ language }) => language === "text")?.text ?? ""
    const keys = (text: string): string[] =>
      text
        .trim()
        .split("\n")
        .map(line => line.split(" ")[0] ?? "")
    expect(keys(printed)).toEqual(keys(stated))
    for (const line of printed.trim().split("\n")) expect(Number(line.split(" ")[1])).toBeGreaterThan(0)
  })

  it("the simulated area detector, as published, writes its images into an HDF5 file", () => {
    writeFileSync(
      join(folder, "three-images.mjs"),
      `import { startBeamline } from "@ophyd-ts/ioc-sim"
      import { CaClient } from "node-epics-ca"

      const beamline = await startBeamline()
      const client = new CaClient(beamline.clientConfig().ca)
      const put = (name, value, options) => client.put("sim:ad:" + name, value, options)
      const read = async (name) => (await client.get("sim:ad:" + name)).value
      await put("cam1:ImageMode", "Multiple")
      await put("cam1:NumImages", 3)
      await put("cam1:WaitForPlugins", "Yes")
      await put("HDF1:FilePath", ${JSON.stringify(folder)})
      await put("HDF1:FileName", "three")
      await put("HDF1:FileTemplate", "%s%s.h5")
      await put("HDF1:FileWriteMode", "Stream")
      await put("HDF1:NumCapture", 0)
      await put("HDF1:LazyOpen", "Yes")
      await put("HDF1:EnableCallbacks", "Enable")
      await put("HDF1:Capture", 1)
      while ((await read("HDF1:Capture_RBV")) === 0) await new Promise((resolve) => setTimeout(resolve, 10))
      await put("cam1:Acquire", 1, { completion: true })
      console.log(await read("HDF1:NumCaptured_RBV"))
      await put("HDF1:Capture", 0, { completion: true })
      await client.close()
      await beamline.close()
      `,
    )
    expect(run(process.execPath, ["three-images.mjs"], folder).trim()).toBe("3")
    const head = readFileSync(join(folder, "three.h5")).subarray(0, 8).toString("latin1")
    expect(head).toBe("\x89HDF\r\n\x1a\n")
  })

  it("its tests pass as the page has them", () => {
    const [, args = ""] = /^npx vitest run (.*)$/m.exec(shell) ?? []
    const printed = vitest(folder, ...args.split(" "))
    expect(printed).toMatch(/Test Files.*4 passed/)
  })

  it("the example of a device package builds and passes its tests with what is published", () => {
    const shared = join(base, "device-package")
    const source = join(root, "examples", "device-package")
    cpSync(source, shared, {
      recursive: true,
      filter: path => !/node_modules|dist/.test(path.slice(source.length)),
    })
    symlinkSync(join(folder, "node_modules"), join(shared, "node_modules"), "junction")
    tsc(shared)
    tsc(shared, "-p", "tsconfig.build.json")
    expect(vitest(shared)).toMatch(/Test Files.*2 passed/)
    const packed = JSON.parse(
      run("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], shared),
    ) as unknown
    const text = JSON.stringify(packed)
    for (const file of ["dist/index.js", "dist/index.d.ts", "README.md"]) expect(text).toContain(file)
    expect(text).not.toContain("test/")
  })
})
