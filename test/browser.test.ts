import { createContext, Script } from "node:vm"
import { build } from "vite"
import { expect, it } from "vitest"
import { root } from "../scripts/workspace.ts"

/** What a browser has, and Node too. */
const web = { AbortController, crypto, clearTimeout, Date, performance, queueMicrotask, setTimeout }

/** One script out of this text, as a browser would get it. */
async function bundle(text: string): Promise<string> {
  const id = `${root}/entry.js`
  const result = await build({
    root,
    configFile: false,
    logLevel: "silent",
    resolve: { conditions: ["@ophyd-ts/source", "browser", "import", "default"] },
    plugins: [
      {
        name: "entry",
        resolveId: source => (source.endsWith("entry.js") ? id : null),
        load: source => (source === id ? text : null),
      },
    ],
    build: {
      write: false,
      minify: true,
      target: "es2023",
      lib: { entry: "entry.js", formats: ["iife"], name: "bundle" },
    },
  })
  const [output] = [result].flat().flatMap(r => ("output" in r ? r.output : []))
  if (output?.type !== "chunk") throw new Error("vite gave no script")
  return output.code
}

it("a scan of soft devices runs in a browser: bundled, it needs nothing of Node", async () => {
  const code = await bundle(`
    import { connect, Device, double, restoreSettings, saveSettings, until } from "@ophyd-ts/core"
    import { bp, RunEngine } from "@ophyd-ts/run-engine"
    class Axis extends Device {
      position = this.soft.rw(double, { kind: "hinted", units: "mm" })
    }
    export const run = async () => {
      const axis = new Axis({ name: "axis" })
      await connect(axis)
      const arrived = until(axis.position, 3, { timeout: 5 })
      const RE = new RunEngine()
      const names = []
      RE.subscribe(name => names.push(name))
      const { exitStatus } = await RE.run(bp.scan([], axis.position, 1, 3, 2))
      const settings = await saveSettings(axis)
      const { restored } = await restoreSettings(axis, "position: 1")
      return [exitStatus, await arrived, names.join(), settings, restored.length]
    }
  `)
  // The script is one long line: what comes before is not shown, looking for it would take seconds.
  const ofNode = /(__vite-browser-external|["']node:|\brequire\(|\bprocess\.|\bBuffer\.).{0,80}/g
  expect(code.match(ofNode) ?? []).toEqual([])
  // Where only what a browser has exists, it also runs.
  const world = createContext({ ...web })
  new Script(`${code}\nglobalThis.result = bundle.run()`).runInContext(world)
  await expect(world["result"]).resolves.toEqual([
    "success",
    3,
    "start,descriptor,event,event,stop",
    "position: 3\n",
    1,
  ])
}, 180_000)
