import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

/** Absolute path of the repository. */
export const root = join(dirname(fileURLToPath(import.meta.url)), "..")

export interface Manifest {
  name: string
  version: string
  private?: boolean
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
}

export interface Package {
  /** Folder relative to the repository, with forward slashes. */
  folder: string
  manifest: Manifest
}

/** The workspace's packages, read from the folders that the root package.json names. */
export function packages(): Package[] {
  const inPackages = readdirSync(join(root, "packages")).map(name => `packages/${name}`)
  return [...inPackages, "ioc-sim"]
    .filter(folder => existsSync(join(root, folder, "package.json")))
    .map(folder => ({
      folder,
      manifest: JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as Manifest,
    }))
}

/** Every TypeScript file below a folder, relative to the repository, with forward slashes. */
export function sources(folder: string): string[] {
  const absolute = join(root, folder)
  if (!existsSync(absolute)) return []
  return readdirSync(absolute, { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile() && entry.name.endsWith(".ts"))
    .map(entry =>
      join(entry.parentPath, entry.name)
        .slice(root.length + 1)
        .replaceAll("\\", "/"),
    )
}
