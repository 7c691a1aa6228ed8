/** The area detector of a beamline, operated as a Channel Access client does. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { CaClient } from "node-epics-ca"
import { vi } from "vitest"
import { type BeamlineOptions, type EmbeddedBeamline, startBeamline } from "../../../src/index.ts"

export const patience = { timeout: 15_000, interval: 5 }

/** A running beamline and a client of its detector; names are those below `ad:`. */
export class Setup implements AsyncDisposable {
  readonly ioc: EmbeddedBeamline
  readonly client: CaClient
  /** A new directory of its own. */
  readonly directory: string

  static async start(options: BeamlineOptions = {}): Promise<Setup> {
    const prefix = `t${Math.random().toString(36).slice(2, 8)}:`
    const ioc = await startBeamline({ prefix, ...options })
    return new Setup(ioc, await mkdtemp(join(tmpdir(), "ad-")))
  }

  private constructor(ioc: EmbeddedBeamline, directory: string) {
    this.ioc = ioc
    this.client = new CaClient(ioc.clientConfig().ca)
    this.directory = directory
  }

  name(pv: string): string {
    return `${this.ioc.prefix}ad:${pv}`
  }

  /** A put with completion; a text becomes characters where the PV is a waveform of them. */
  async put(pv: string, value: number | string): Promise<void> {
    const isText = /:(FilePath|FileName|FileTemplate|XMLFileName|NDAttributesFile)$/.test(pv)
    const written = isText ? new TextEncoder().encode(`${value}\0`) : value
    await this.client.put(this.name(pv), written, { completion: true })
  }

  async set(values: Readonly<Record<string, number | string>>): Promise<void> {
    for (const [pv, value] of Object.entries(values)) await this.put(pv, value)
  }

  async get(pv: string): Promise<number> {
    return (await this.client.get(this.name(pv))).value as number
  }

  async text(pv: string): Promise<string> {
    const { value } = await this.client.get(this.name(pv))
    return typeof value === "string"
      ? value
      : new TextDecoder().decode(value as Uint8Array).replace(/\0.*/s, "")
  }

  async until(pv: string, wanted: number): Promise<void> {
    await vi.waitFor(async () => {
      const value = await this.get(pv)
      if (value !== wanted) throw new Error(`${pv} is ${value}, not ${wanted}`)
    }, patience)
  }

  /** Begins to capture into a stream. Call what it gives to end it. */
  async capture(values: Readonly<Record<string, number | string>> = {}): Promise<() => Promise<void>> {
    await this.set({
      "cam1:WaitForPlugins": 1,
      "HDF1:EnableCallbacks": 1,
      "HDF1:FilePath": this.directory,
      "HDF1:FileName": "test",
      "HDF1:FileWriteMode": "Stream",
      "HDF1:LazyOpen": 1,
      "HDF1:NumCapture": 0,
      ...values,
    })
    const over = this.put("HDF1:Capture", 1)
    // Who does not end it, or makes the IOC go away, need not hear of it.
    over.catch(() => {})
    await this.until("HDF1:Capture_RBV", 1)
    return async () => {
      await this.client.put(this.name("HDF1:Capture"), 0)
      await over
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close()
    await this.ioc.close()
    await rm(this.directory, { recursive: true, force: true })
  }
}
