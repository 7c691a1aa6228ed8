/**
 * Keeps the house a house: arrows between packages only go down, `core` and `run-engine` run in a browser,
 * the codecs touch no socket, and only `net/` opens one. The picture is in docs/architecture.md.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { packages, root, sources } from "./workspace.ts"

/** Which siblings a package's sources may import. Nothing else is allowed. */
const mayImport: Record<string, readonly string[]> = {
  "@ophyd-ts/core": [],
  "@ophyd-ts/epics-net": [],
  "node-epics-ca": ["@ophyd-ts/epics-net"],
  "pvxs-node": ["@ophyd-ts/epics-net"],
  "@ophyd-ts/epics": ["@ophyd-ts/core", "node-epics-ca", "pvxs-node"],
  "@ophyd-ts/run-engine": ["@ophyd-ts/core"],
  "@ophyd-ts/area-detector": ["@ophyd-ts/core", "@ophyd-ts/epics", "@ophyd-ts/run-engine", "pvxs-node"],
  "@ophyd-ts/aps-dm": [
    "@ophyd-ts/core",
    "@ophyd-ts/run-engine",
    "@ophyd-ts/epics",
    "@ophyd-ts/area-detector",
    "pvxs-node",
  ],
  "@ophyd-ts/exchange": ["@ophyd-ts/core", "@ophyd-ts/run-engine"],
  "@ophyd-ts/ioc-sim": [
    "@ophyd-ts/core",
    "@ophyd-ts/epics",
    "@ophyd-ts/run-engine",
    "@ophyd-ts/aps-dm",
    "node-epics-ca",
    "pvxs-node",
  ],
}

/** Folders (below src) of otherwise browser-safe packages that may use Node. */
const nodeFolders: Record<string, readonly string[]> = {
  "@ophyd-ts/core": [],
  "@ophyd-ts/run-engine": ["node/", "cli/"],
}

const sockets = /^node:(net|dgram|dns|tls)(\/|$)/
const staticImport = /(?:^|\n)\s*(?:import|export)\b(?:[^"'`;=()]*?\bfrom)?\s*["']([^"']+)["']/g
const dynamicImport = /import\(\s*["']([^"']+)["']\s*\)/g
const comments = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm

const problems: string[] = []
const all = packages()
const names = all.map(p => p.manifest.name)

for (const { folder, manifest } of all) {
  const allowed = mayImport[manifest.name]
  if (allowed === undefined) {
    problems.push(`${folder}: add ${manifest.name} to scripts/check-architecture.ts and docs/architecture.md`)
    continue
  }
  for (const dependency of Object.keys(manifest.dependencies ?? {})) {
    if (names.includes(dependency) && !allowed.includes(dependency)) {
      problems.push(`${folder}/package.json: ${manifest.name} may not depend on ${dependency}`)
    }
  }
  for (const file of sources(`${folder}/src`)) {
    const below = file.slice(`${folder}/src/`.length)
    const text = readFileSync(join(root, file), "utf8").replaceAll(comments, "")
    const imports = [...text.matchAll(staticImport), ...text.matchAll(dynamicImport)].map(m => m[1] ?? "")
    for (const name of imports) {
      const sibling = names.find(n => name === n || name.startsWith(`${n}/`))
      if (sibling !== undefined && !allowed.includes(sibling)) {
        problems.push(`${file}: ${manifest.name} may not import ${name}`)
      }
      const safe = nodeFolders[manifest.name]
      if (safe !== undefined && name.startsWith("node:") && !safe.some(f => below.startsWith(f))) {
        problems.push(`${file}: ${manifest.name} runs in a browser, so it may not import ${name}`)
      }
      const isProtocol = manifest.name === "node-epics-ca" || manifest.name === "pvxs-node"
      if (isProtocol && sockets.test(name) && !below.startsWith("net/")) {
        problems.push(`${file}: only net/ may import ${name}`)
      }
      if (isProtocol && below.startsWith("wire/") && name.startsWith("node:")) {
        problems.push(`${file}: wire/ is pure, it may not import ${name}`)
      }
      if (isProtocol && below.startsWith("wire/") && /\.\.\/(client|server|net)\//.test(name)) {
        problems.push(`${file}: wire/ knows neither client, server nor net`)
      }
    }
    if (/\bconsole\.\w+\(/.test(text) && !/^(cli|bin)\//.test(below)) {
      problems.push(`${file}: libraries never print; programs (cli/) do`)
    }
  }
}

for (const problem of problems) console.error(problem)
console.log(`architecture: ${all.length} packages, ${problems.length} problems`)
process.exit(problems.length === 0 ? 0 : 1)
