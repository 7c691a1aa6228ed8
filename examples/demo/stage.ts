/** What both programs play on: a beamline, folders, and where the text goes. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  type ClientSettings,
  startBeamline,
  startContainerBeamline,
  startSoftBeamline,
} from "@ophyd-ts/ioc-sim"
import { makeFolder } from "@ophyd-ts/run-engine/node"
import { CaClient } from "node-epics-ca"
import type { DemoOptions } from "./options.ts"

export const experiment = "demo-2026-3"

export interface Stage extends AsyncDisposable {
  readonly options: DemoOptions
  readonly epics: CaClient
  readonly prefix: string
  /** `host:port` of the beamline's pvAccess server. */
  readonly pvaAddress: string
  /** A folder of this demo; made when it is asked for. */
  folder(name: string): string
  write(text: string): void
}

const names = {
  embedded: "A simulated beamline",
  softioc: "A genuine softIoc with a point detector",
  container: "A genuine softIoc in a container with a point detector",
}

interface Ioc extends AsyncDisposable {
  clientConfig(): { readonly ca: ClientSettings; readonly pva: ClientSettings }
}

/** Images of 128 × 128 pixels: enough to see something, and quick to write. */
const areaDetector = { sensor: [128, 128] as const }

const start: Record<DemoOptions["ioc"], (write: (text: string) => void) => Promise<Ioc>> = {
  embedded: () => startBeamline({ seed: 1, areaDetector }),
  softioc: () => startSoftBeamline(),
  container: write => startContainerBeamline({ report: text => write(`${text}\n`) }),
}

/** Starts the beamline; disposing it ends everything and removes the folders, unless they are to be kept. */
export async function startStage(options: DemoOptions): Promise<Stage> {
  const root = options.keep ?? mkdtempSync(join(tmpdir(), "ophyd-ts-demo-"))
  const clear = (): void => {
    if (options.keep === null) rmSync(root, { recursive: true, force: true })
  }
  process.once("exit", clear)
  const write = (text: string): void => void process.stdout.write(text)
  const ioc = await start[options.ioc](write).catch(error => {
    clear()
    throw error
  })
  const { ca, pva } = ioc.clientConfig()
  const epics = new CaClient(ca)
  write(`${names[options.ioc]} and a simulated DM service are running.\n`)
  return {
    options,
    epics,
    prefix: "sim:",
    pvaAddress: pva.nameServers[0] ?? "",
    folder(name) {
      const path = join(root, name)
      makeFolder(path)
      return path
    },
    write,
    async [Symbol.asyncDispose]() {
      try {
        await epics.close()
        await ioc[Symbol.asyncDispose]()
      } finally {
        clear()
      }
    },
  }
}
