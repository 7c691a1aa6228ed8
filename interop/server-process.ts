/** A server of others as a process of its own: killed and started again, as often as a test wants. */
import { type ChildProcess, spawn } from "node:child_process"

export interface ServerProgram {
  readonly command: string
  readonly args: readonly string[]
  /** Added to (and winning over) the environment of the test. */
  readonly env?: Readonly<Record<string, string>>
  /** What it prints when it takes connections. */
  readonly ready: string
}

export class ServerProcess {
  readonly #program: ServerProgram
  #child: ChildProcess | null = null

  constructor(program: ServerProgram) {
    this.#program = program
  }

  /** Starts it; resolves when it takes connections. */
  async up(): Promise<void> {
    const { command, args, env, ready } = this.#program
    const child = spawn(command, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    })
    this.#child = child
    let printed = ""
    await new Promise<void>((resolve, reject) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (text: string) => {
          printed = (printed + text).slice(-20_000)
          if (printed.includes(ready)) resolve()
        })
      }
      child.once("error", reject)
      child.once("exit", (code, signal) =>
        reject(new Error(`${command} ended with ${signal ?? `exit status ${code}`}:\n${printed}`)),
      )
    })
  }

  /** Ends it, at once as a crash would or in good order. */
  async down(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
    const child = this.#child
    this.#child = null
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise(resolve => child.once("exit", resolve))
    child.kill(signal)
    await gone
  }
}
