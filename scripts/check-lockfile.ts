/**
 * Two internal packages have unscoped names that nobody owns publicly. If a version range failed to match the
 * workspace, npm would look outside; so every internal package must be a link in the lockfile, at one exact version.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { packages, root } from "./workspace.ts"

interface LockEntry {
  link?: boolean
  resolved?: string
}
const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
  packages: Record<string, LockEntry>
}

const problems: string[] = []
const all = packages()
for (const { folder, manifest } of all) {
  const entry = lock.packages[`node_modules/${manifest.name}`]
  if (entry?.link !== true || entry.resolved !== folder) {
    problems.push(`${manifest.name} is not linked to ${folder} in package-lock.json: run npm install`)
  }
  for (const [name, range] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
    const sibling = all.find(p => p.manifest.name === name)
    if (sibling !== undefined && sibling.manifest.version !== range) {
      problems.push(
        `${folder}/package.json: ${name} must be the exact version ${sibling.manifest.version}, not ${range}`,
      )
    }
    if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(range))
      problems.push(`${folder}/package.json: pin ${name} exactly, not ${range}`)
  }
}
for (const path of Object.keys(lock.packages)) {
  const nested = all.find(
    p => path.endsWith(`/node_modules/${p.manifest.name}`) && path !== `node_modules/${p.manifest.name}`,
  )
  if (nested !== undefined) problems.push(`${path}: ${nested.manifest.name} is installed a second time`)
}

for (const problem of problems) console.error(problem)
console.log(`lockfile: ${all.length} internal packages linked, ${problems.length} problems`)
process.exit(problems.length === 0 ? 0 : 1)
