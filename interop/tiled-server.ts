/** A Tiled server of its own for a test: stopped, killed and started again on the same port with the same data. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePort } from "../ioc-sim/src/softioc/ports.ts"
import { peers } from "./peers.ts"

export class TiledTestServer implements AsyncDisposable {
  readonly apiKey = "interopkey"
  readonly url: string
  /** Holds the database; also the folder that the server may read files from. */
  readonly folder: string
  readonly #port: number
  #child: ChildProcess | null = null
  #printed = ""

  private constructor(folder: string, port: number) {
    this.folder = folder
    this.#port = port
    this.url = `http://127.0.0.1:${port}`
  }

  static async start(): Promise<TiledTestServer> {
    const folder = await mkdtemp(join(tmpdir(), "ophyd-ts-tiled-"))
    const server = new TiledTestServer(folder, await freePort())
    await writeFile(join(folder, "config.yml"), server.#config())
    await server.up()
    return server
  }

  /** Starts it; resolves when it answers. */
  async up(): Promise<void> {
    const child = spawn(
      peers().python ?? "python3",
      [
        "-m",
        "tiled",
        "serve",
        "config",
        join(this.folder, "config.yml"),
        "--host",
        "127.0.0.1",
        "--port",
        String(this.#port),
      ],
      { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, TILED_SINGLE_USER_API_KEY: this.apiKey } },
    )
    this.#child = child
    const ready = new Promise<void>((resolve, reject) => {
      const read = (text: string) => {
        this.#printed = (this.#printed + text).slice(-20_000)
        if (text.includes("Uvicorn running on")) resolve()
      }
      child.stdout.setEncoding("utf8").on("data", read)
      child.stderr.setEncoding("utf8").on("data", read)
      child.once("error", reject)
      child.once("exit", code => reject(new Error(`tiled ended with exit status ${code}:\n${this.#printed}`)))
    })
    await ready
  }

  /** Ends it at once, as a crash would. */
  async down(): Promise<void> {
    const child = this.#child
    this.#child = null
    if (child === null || child.exitCode !== null) return
    const gone = new Promise(resolve => child.once("exit", resolve))
    child.kill("SIGKILL")
    await gone
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
