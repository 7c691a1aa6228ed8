/**
 * The software of others that the interop tests are held against, and how a test talks to a part of it that is
 * written in Python: a script prints one JSON value per line, the test reads them.
 *
 *     import { peers, python } from "./peers.ts"
 *     describe.skipIf(!peers().pyepics)("…", () => { const [seen] = await python<Seen>(script, { env }) })
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { inject } from "vitest"

/** What was found on this machine. */
export interface Peers {
  /** Interpreter of the private environment. */
  readonly python: string | undefined
  /** A genuine IOC, from the PATH or the wheels. */
  readonly softIoc: boolean
  readonly pvxs: boolean
  readonly p4p: boolean
  readonly caproto: boolean
  /** libca for Python. */
  readonly pyepics: boolean
  /** libca for asyncio. */
  readonly aioca: boolean
  readonly bluesky: boolean
  readonly ophyd: boolean
  readonly ophydAsync: boolean
  readonly eventModel: boolean
  readonly dmax: boolean
  /** Data service and the reader and writer of bluesky's runs in it. */
  readonly tiled: boolean
  /** Reader of HDF5 files. */
  readonly h5py: boolean
  /** Reader of TIFF files. */
  readonly tifffile: boolean
  /** Documents of bluesky over NATS. */
  readonly blueskyNats: boolean
  /** The broker, from the PATH. */
  readonly natsServer: boolean
  /** A container engine with an image to build the softIoc's upon. */
  readonly container: boolean
}

declare module "vitest" {
  interface ProvidedContext {
    peers: Peers
  }
}

/** What the set-up of this project has found. */
export function peers(): Peers {
  return inject("peers")
}

export interface PythonOptions {
  /** Added to (and winning over) the environment of the test. */
  readonly env?: Readonly<Record<string, string>>
  /** `sys.argv[1:]`. */
  readonly args?: readonly string[]
  /** Seconds until the script is killed. Default 60. */
  readonly timeout?: number
}

/**
 * Runs a script to its end.
 * @returns the JSON values that it printed, one per line; other lines are ignored.
 * @throws Error with everything it printed when it does not end with exit status 0.
 */
export async function python<T = unknown>(script: string, options: PythonOptions = {}): Promise<T[]> {
  const running = startPython<T>(script, options)
  const values: T[] = []
  for await (const value of running) values.push(value)
  return values
}

/** Starts a script that the test converses with. Kill it with the scope: `await using script = startPython(…)`. */
export function startPython<T = unknown>(script: string, options: PythonOptions = {}): PythonScript<T> {
  const interpreter = peers().python
  if (interpreter === undefined)
    throw new Error("no Python environment: `npm run ioc:install -- --peers` makes it")
  const child = spawn(interpreter, ["-u", "-c", script, ...(options.args ?? [])], {
    // A crash in a library tells where it was.
    env: { ...process.env, PYTHONFAULTHANDLER: "1", ...options.env },
    stdio: "pipe",
  })
  return new PythonScript<T>(child, options.timeout ?? 60)
}

export class PythonScript<T> implements AsyncDisposable, AsyncIterable<T> {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #closed: Promise<number | NodeJS.Signals | null>
  readonly #values: AsyncGenerator<T, void>
  #printed = ""

  constructor(child: ChildProcessWithoutNullStreams, timeout: number) {
    this.#child = child
    const timer = setTimeout(() => {
      this.#printed += `\nkilled after ${timeout} s`
      child.kill("SIGKILL")
    }, timeout * 1000)
    this.#closed = new Promise(resolve => {
      child.once("error", error => {
        this.#printed += error.message
        resolve(null)
      })
      child.once("close", (code, signal) => resolve(code ?? signal))
    }).then(ending => {
      clearTimeout(timer)
      return ending as number | NodeJS.Signals | null
    })
    child.stdin.on("error", () => {}) // The script has ended: its exit status is the report.
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#printed += text
    })
    this.#values = this.#read()
  }

  /** Sends one JSON value as a line of standard input. */
  send(value: unknown): void {
    this.#child.stdin.write(`${JSON.stringify(value)}\n`)
  }

  /** The next value that the script prints. Throws when it ends instead. */
  async next(): Promise<T> {
    const { value, done } = await this.#values.next()
    if (done) throw new Error(`the script ended without a further value:\n${this.#printed}`)
    return value as T
  }

  /** Ends standard input, which a script may take as the word to end. */
  end(): void {
    this.#child.stdin.end()
  }

  [Symbol.asyncIterator](): AsyncGenerator<T, void> {
    return this.#values
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL")
    await this.#closed
  }

  async *#read(): AsyncGenerator<T, void> {
    for await (const line of createInterface({ input: this.#child.stdout })) {
      let value: T
      try {
        value = JSON.parse(line) as T
      } catch {
        this.#printed += `${line}\n` // A library's remark, not an answer.
        continue
      }
      yield value
    }
    const ending = await this.#closed
    if (ending !== 0) throw new Error(`the script ended with ${ending}:\n${this.#printed}`)
  }
}
