import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { type DetectorOptions, type PluginChoices, SimDetector, staticPaths } from "@ophyd-ts/area-detector"
import { connect } from "@ophyd-ts/core"
import { type BeamlineOptions, type EmbeddedBeamline, startBeamline } from "@ophyd-ts/ioc-sim"
import { File, ready } from "h5wasm/node"
import { CaClient } from "node-epics-ca"
import { PvaClient } from "pvxs-node"
import { expect, vi } from "vitest"

let beamlines = 0

/**
 * Lets the file plugin load what it writes with, as a genuine one has before anybody asks: on a busy machine that takes
 * longer than a detector waits for it.
 */
async function loadWriter(ioc: EmbeddedBeamline, directory: string): Promise<void> {
  await using client = new CaClient({ ...ioc.clientConfig().ca, timeout: 60 })
  const at = (name: string): string => `${ioc.prefix}ad:HDF1:${name}`
  const put = async (settings: Readonly<Record<string, string | number>>): Promise<void> => {
    for (const [name, value] of Object.entries(settings)) await client.put(at(name), value)
  }
  await put({ FilePath: directory, FileWriteMode: "Stream", LazyOpen: "Yes", Capture: 1 })
  const capturing = async (): Promise<unknown> => (await client.get(at("Capture_RBV"))).value
  await vi.waitFor(async () => expect(await capturing()).toBe(1), { timeout: 60_000, interval: 10 })
  await client.put(at("Capture"), 0, { completion: true })
  await put({ FilePath: "", FileWriteMode: "Single", LazyOpen: "No" })
}

/** The embedded beamline, clients that reach it, and a directory for files. */
export class Setup implements AsyncDisposable {
  readonly prefix: string
  readonly directory: string
  ioc: EmbeddedBeamline
  readonly #options: BeamlineOptions
  readonly client: { readonly ca: CaClient; readonly pva: PvaClient }

  private constructor(ioc: EmbeddedBeamline, options: BeamlineOptions, directory: string) {
    this.ioc = ioc
    this.prefix = ioc.prefix
    this.directory = directory
    this.#options = options
    const config = ioc.clientConfig()
    this.client = { ca: new CaClient(config.ca), pva: new PvaClient(config.pva) }
  }

  static async start(): Promise<Setup> {
    await ready
    const prefix = `ad${process.pid}x${++beamlines}:`
    const options: BeamlineOptions = { prefix, areaDetector: { sensor: [24, 16] } }
    const directory = await mkdtemp(join(tmpdir(), "ad-"))
    const ioc = await startBeamline(options)
    await loadWriter(ioc, directory)
    return new Setup(ioc, options, directory)
  }

  /** A connected detector that writes into the directory of this set-up. */
  async detector<const P extends PluginChoices = { stats: true }>(
    options: DetectorOptions<P> & { protocol?: "ca" | "pva" } = {},
  ): Promise<SimDetector<P>> {
    const det = new SimDetector<P>(`${this.prefix}ad:`, {
      name: "det",
      client: this.client,
      paths: staticPaths(this.directory),
      plugins: { stats: true } as unknown as P,
      timeout: 5,
      ...options,
    })
    await connect(det, { timeout: 20 })
    await det.cam.acquireTime.set(0.001)
    // No two frames have the same sum: it tells which of them a value belongs to.
    await det.cam.simMode.set("LinearRamp")
    // A busy machine must not drop frames where a test does not ask for it.
    await det.file?.queueSize.set(2000)
    return det
  }

  pv(suffix: string): string {
    return `${this.prefix}ad:${suffix}`
  }

  /** Writes as somebody else would. */
  async put(suffix: string, value: string | number): Promise<void> {
    await this.client.ca.channel(this.pv(suffix)).put(value)
  }

  /** The IOC dies and comes back on the same ports, with its first settings. */
  async kill(): Promise<() => Promise<void>> {
    const { ca, pva } = this.ioc.ports
    await this.ioc.close()
    return async () => {
      this.ioc = await startBeamline({ ...this.#options, port: ca, pvaPort: pva })
      await loadWriter(this.ioc, this.directory)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.client.ca.close(), this.client.pva.close()])
    await this.ioc.close()
    await rm(this.directory, { recursive: true, force: true })
  }
}

/** The dataset of a file that was announced: its shape, and the sum of each of its frames. */
export function readDataset(uri: string, dataset: unknown): { shape: number[]; totals: number[] } {
  const file = new File(fileURLToPath(uri.replace("file://localhost/", "file:///")), "r")
  try {
    const found = file.get(String(dataset)) as unknown as { shape: number[]; value: ArrayLike<number> }
    const { shape, value } = found
    const size = shape.slice(1).reduce((a, b) => a * b, 1)
    const totals = Array.from({ length: shape[0] ?? 0 }, (_, i) => {
      let total = 0
      for (let k = 0; k < size; k++) total += Number(value[i * size + k])
      return total
    })
    return { shape, totals }
  } finally {
    file.close()
  }
}
