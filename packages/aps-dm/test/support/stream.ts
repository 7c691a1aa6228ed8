import { fileURLToPath } from "node:url"
import type { Readable } from "@ophyd-ts/core"
import {
  type CommandFunction,
  type CommandRule,
  type DmServiceOptions,
  stageProcess,
} from "@ophyd-ts/ioc-sim"
import { bpp, bps, type Plan } from "@ophyd-ts/run-engine"
import { ndArray, ntNdArray, PvaServer, SharedPv } from "pvxs-node"
import { onTestFinished } from "vitest"
import {
  type CollectStreamingOptions,
  type ConsumeOptions,
  consumeFrames,
  DmExperimentSignals,
  type FrameWork,
} from "../../src/index.ts"
import { experiment, setUp } from "./service.ts"

/** A camera of four pixels: each exposure is one frame, numbered from 1. */
export class Camera implements Readable {
  readonly name = "camera"
  readonly pv = "test:image"
  readonly #server: PvaServer
  readonly #image = new SharedPv(ntNdArray)
  #number = 0

  constructor(server: PvaServer) {
    this.#server = server
    server.add(this.pv, this.#image)
  }

  get source() {
    return { pv: this.pv, address: `127.0.0.1:${this.#server.port}` }
  }

  get taken(): number {
    return this.#number
  }

  /** As if so many frames had been lost on the way. */
  leaveOut(frames: number): void {
    this.#number += frames
  }

  expose(): void {
    this.#number += 1
    const data = Uint16Array.of(this.#number, 0, 0, this.#number)
    this.#image.post(ndArray({ data, shape: [2, 2], uniqueId: this.#number }))
  }

  read() {
    return { camera_number: { value: this.#number, timestamp: Date.now() / 1000 } }
  }

  describe() {
    return { camera_number: { source: "test", dtype: "integer" as const, shape: [] } }
  }
}

export async function startCamera(): Promise<Camera> {
  const server = await PvaServer.open({ isolated: true })
  onTestFinished(() => server.close())
  return new Camera(server)
}

const command =
  "/opt/consume --address=$streamAddress --prefix=$streamPrefix --session=$streamSession --data=$dataPv --data-address=$dataAddress"

export const streamWorkflow = {
  name: "follow",
  stages: {
    "01-START": { command: "/bin/date +%s" },
    "02-CONSUME": { command },
    "03-STORE": { command: "/bin/echo $id" },
  },
}

/** A stage that works on the frames in this process. */
export const consumer =
  (work: FrameWork, options: Pick<ConsumeOptions, "quiet" | "patience" | "queue"> = {}): CommandFunction =>
  async ({ variables, outside }) => {
    const {
      streamAddress = "",
      streamPrefix = "",
      streamSession = "",
      dataPv = "",
      dataAddress = "",
    } = variables
    await outside(
      consumeFrames(
        {
          address: streamAddress,
          prefix: streamPrefix,
          session: streamSession,
          data: { pv: dataPv, address: dataAddress },
          quiet: 1,
          ...options,
        },
        work,
      ),
    )
    return {}
  }

const program = fileURLToPath(new URL("./consumer-process.ts", import.meta.url))

/** A stage that works on the frames in a process of its own; the words say how it misbehaves. */
export const consumerProcess = (...words: string[]): CommandFunction =>
  stageProcess({
    file: process.execPath,
    args: ["--import", "tsx", "--conditions=@ophyd-ts/source", program, ...words],
  })

/** The number that a frame carries. */
export const work: FrameWork = ({ data }) => ({
  number: Number(data[0]),
  twice: Number(data[0]) + Number(data[3]),
})

/** Service, engine, connector and camera; `collect` has what the plan needs. */
export async function setUpStream(play: CommandRule["play"], options: Partial<DmServiceOptions> = {}) {
  const camera = await startCamera()
  const base = await setUp({
    workflows: [streamWorkflow],
    commands: [{ stage: "02-CONSUME", play }],
    ...options,
  })
  const connector = base.connect()
  const signals = new DmExperimentSignals({ name: "dm" })
  await signals.connect({ mock: false })
  await signals.experiment.set(experiment)
  const documents: { name: string; doc: Record<string, unknown> }[] = []
  base.RE.subscribe(
    (name, doc) => void documents.push({ name, doc: doc as unknown as Record<string, unknown> }),
  )
  const collect = <T>(
    acquire: CollectStreamingOptions<T>["acquire"],
    more: Partial<CollectStreamingOptions<T>> = {},
  ): CollectStreamingOptions<T> => ({
    client: base.dm,
    signals,
    connector,
    workflow: "follow",
    data: camera.source,
    acquire,
    ...more,
    link: {
      results: { number: {}, twice: { units: "counts" } },
      heartbeat: 0.1,
      heartbeatTimeout: 20,
      ...more.link,
    },
  })
  const events = (stream: string) => {
    const uids = documents
      .filter(({ name, doc }) => name === "descriptor" && doc["name"] === stream)
      .map(({ doc }) => doc["uid"])
    return documents
      .filter(({ name, doc }) => name === "event" && uids.includes(doc["descriptor"]))
      .map(({ doc }) => doc["data"] as Record<string, unknown>)
  }
  const stop = () => documents.find(({ name }) => name === "stop")?.doc
  return { ...base, camera, connector, signals, documents, events, stop, collect }
}

/** So many exposures, each an event. */
export function* exposures(
  camera: Camera,
  n: number,
  each: () => Plan<unknown> = () => bps.sleep(0),
): Plan<string> {
  return yield* bpp.run({ plan_name: "exposures" }, function* (uid) {
    for (let i = 0; i < n; i++) {
      yield* bps.checkpoint()
      yield* each()
      yield* bps.call(() => camera.expose())
      yield* bps.triggerAndRead([camera])
    }
    return uid
  })
}
