/** A Tiled server of its own for a test: killed and started again on the same port with the same data. */
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePort } from "../ioc-sim/src/softioc/ports.ts"
import { peers } from "./peers.ts"
import { ServerProcess } from "./server-process.ts"

const apiKey = "interopkey"

export class TiledTestServer extends ServerProcess implements AsyncDisposable {
  readonly apiKey = apiKey
  readonly port: number
  readonly url: string
  /** Holds the database; also the folder that the server may read files from. */
  readonly folder: string

  private constructor(folder: string, port: number) {
    const config = join(folder, "config.yml")
    super({
      command: peers().python ?? "python3",
      args: ["-m", "tiled", "serve", "config", config, "--host", "127.0.0.1", "--port", String(port)],
      env: { TILED_SINGLE_USER_API_KEY: apiKey },
      ready: "Uvicorn running on",
    })
    this.folder = folder
    this.port = port
    this.url = `http://127.0.0.1:${port}`
  }

  static async start(): Promise<TiledTestServer> {
    const folder = await mkdtemp(join(tmpdir(), "ophyd-ts-tiled-"))
    const server = new TiledTestServer(folder, await freePort())
    await writeFile(join(folder, "config.yml"), server.#config())
    await server.up()
    return server
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down()
    await rm(this.folder, { recursive: true, force: true })
  }

  #config(): string {
    const database = `sqlite:///${join(this.folder, "catalog.db")}`
    return JSON.stringify({
      authentication: { allow_anonymous_access: false },
      trees: [
        {
          path: "/",
          tree: "catalog",
          args: {
            uri: database,
            init_if_not_exists: true,
            writable_storage: [join(this.folder, "data"), `duckdb:///${join(this.folder, "data.duckdb")}`],
            readable_storage: [this.folder],
          },
        },
      ],
      // What turns a run back into documents.
      media_types: {
        BlueskyRun: { "application/json-seq": "bluesky_tiled_plugins.exporters:json_seq_exporter" },
      },
    })
  }
}
