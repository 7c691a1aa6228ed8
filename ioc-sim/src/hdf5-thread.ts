import { existsSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { Worker } from "node:worker_threads"

/**
 * A thread for work with the HDF5 library, which holds up the event loop that it runs on. From the built package the
 * thread runs JavaScript; from sources TypeScript, which a thread does not know by itself.
 *
 * @param module the module to run, without extension: `new URL("./worker", import.meta.url)`
 */
export function startHdf5Thread(module: URL): Worker {
  const options = { stdout: true, stderr: true } as const
  if (!import.meta.url.endsWith(".ts")) return new Worker(new URL(`${module.href}.js`), options)
  const inPackage = (path: string): string => {
    const folders = createRequire(import.meta.url).resolve.paths(path) ?? []
    const found = folders.map(folder => join(folder, path)).find(file => existsSync(file))
    return JSON.stringify(pathToFileURL(found ?? path).href)
  }
  // The library comes first: tsx would look through its megabytes for TypeScript.
  const start = `
    import(${inPackage("h5wasm/dist/node/hdf5_hl.js")})
      .then(() => import(${inPackage("tsx/dist/esm/api/index.mjs")}))
      .then(({ register }) => { register(); return import(${JSON.stringify(`${module.href}.ts`)}) })`
  return new Worker(start, { ...options, eval: true, execArgv: [] })
}
