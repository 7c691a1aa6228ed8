/** A NATS broker of its own for a test: stopped and started again on the same port with the same files. */
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePort } from "../ioc-sim/src/softioc/ports.ts"

/** Debian puts it where only root's PATH looks. */
const debian = "/usr/sbin/nats-server"
export const natsServerCommand = existsSync(debian) ? debian : "nats-server"

export class NatsTestServer implements AsyncDisposable {
  readonly url: string
  readonly #port: number
  readonly #folder: string
  #child: ChildProcess | null = null

  private constructor(folder: string, port: number) {
    this.#folder = folder
    this.#port = port
    this.url = `nats://127.0.0.1:${port}`
  }

  static async start(): Promise<NatsTestServer> {
    const server = new NatsTestServer(await mkdtemp(join(tmpdir(), "ophyd-ts-nats-")), await freePort())
    await server.up()
    return server
  }

  /** Starts it; resolves when it takes connections. */
  async up(): Promise<void> {
    const args = [
      "--addr",
      "127.0.0.1",
      "--port",
      String(this.#port),
      "--jetstream",
      "--store_dir",
      this.#folder,
    ]
    const child = spawn(natsServerCommand, args, { stdio: ["ignore", "ignore", "pipe"] })
    this.#child = child
    let printed = ""
    await new Promise<void>((resolve, reject) => {
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        printed = (printed + text).slice(-20_000)
        if (printed.includes("Server is ready")) resolve()
      })
      child.once("error", reject)
      child.once("exit", code => reject(new Error(`nats-server ended with exit status ${code}:\n${printed}`)))
    })
  }

  /** Ends it, at once as a crash would or in good order. */
  async down(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
    const child = this.#child
    this.#child = null
    if (child === null || child.exitCode !== null) return
    const gone = new Promise(resolve => child.once("exit", resolve))
    child.kill(signal)
    await gone
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down()
    await rm(this.#folder, { recursive: true, force: true })
  }
}
