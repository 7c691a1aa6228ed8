/** A NATS broker of its own for a test: stopped and started again on the same port with the same files. */
import { existsSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePort } from "../ioc-sim/src/softioc/ports.ts"
import { ServerProcess } from "./server-process.ts"

/** Debian puts it where only root's PATH looks. */
const debian = "/usr/sbin/nats-server"
export const natsServerCommand = existsSync(debian) ? debian : "nats-server"

export class NatsTestServer extends ServerProcess implements AsyncDisposable {
  readonly url: string
  readonly #folder: string

  private constructor(folder: string, port: number) {
    super({
      command: natsServerCommand,
      args: ["--addr", "127.0.0.1", "--port", String(port), "--jetstream", "--store_dir", folder],
      ready: "Server is ready",
    })
    this.#folder = folder
    this.url = `nats://127.0.0.1:${port}`
  }

  static async start(): Promise<NatsTestServer> {
    const server = new NatsTestServer(await mkdtemp(join(tmpdir(), "ophyd-ts-nats-")), await freePort())
    await server.up()
    return server
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down()
    await rm(this.#folder, { recursive: true, force: true })
  }
}
