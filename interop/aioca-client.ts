/** libca, driven by a test: a Python program that does what it is told, request by request. */
import { readFileSync } from "node:fs"
import { expect, vi } from "vitest"
import { type PythonScript, startPython } from "./peers.ts"

const script = readFileSync(new URL("./python/aioca_client.py", import.meta.url), "utf8")

/** A value with whatever came with it. Non-finite numbers are texts: "nan", "inf"; `NAME$` comes as text. */
export interface LibcaReading {
  readonly value: number | string | (number | string)[]
  readonly status?: number
  readonly severity?: number
  readonly units?: string
  readonly precision?: number
  readonly enums?: string[]
  readonly raw_stamp?: [seconds: number, nanoseconds: number]
  readonly element_count?: number
  readonly datatype?: number
  readonly [limit: string]: unknown
}

export interface LibcaUpdate extends LibcaReading {
  readonly pv: string
  readonly connected: boolean
}

type Answer = { id: number; result: unknown } | { id: number; error: string } | LibcaUpdate

export class AiocaClient implements AsyncDisposable {
  /** All updates of subscriptions so far, losses of connection included. */
  readonly updates: LibcaUpdate[] = []
  readonly #script: PythonScript<Answer>
  readonly #waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>()
  #nextId = 1
  #ended: Error | undefined

  /** `env` must lead to the server under test and nowhere else. */
  constructor(env: Readonly<Record<string, string>>, timeout = 120) {
    this.#script = startPython<Answer>(script, { env: { EPICS_CA_REPEATER_PORT: "25065", ...env }, timeout })
    this.#listen().catch((error: Error) => {
      this.#ended = error
      for (const { reject } of this.#waiting.values()) reject(error)
      this.#waiting.clear()
    })
  }

  get(
    pv: string,
    options: { datatype?: number; format?: "raw" | "time" | "ctrl"; count?: number; timeout?: number } = {},
  ): Promise<LibcaReading> {
    return this.#ask("get", { pv, ...options }) as Promise<LibcaReading>
  }

  async put(
    pv: string,
    value: unknown,
    options: { datatype?: number; wait?: boolean; timeout?: number } = {},
  ): Promise<void> {
    await this.#ask("put", { pv, value, ...options })
  }

  info(pv: string): Promise<{
    state: number
    host: string
    read: boolean
    write: boolean
    count: number
    datatype: number
  }> {
    return this.#ask("info", { pv }) as ReturnType<AiocaClient["info"]>
  }

  async monitor(
    pv: string,
    options: { datatype?: number; format?: "raw" | "time" | "ctrl"; events?: number; count?: number } = {},
  ): Promise<void> {
    await this.#ask("monitor", { pv, ...options })
  }

  async cancel(pv: string): Promise<void> {
    await this.#ask("cancel", { pv })
  }

  /** Values of all updates of a channel so far; null where the connection was lost. */
  values(pv: string): (LibcaReading["value"] | null)[] {
    return this.updates.filter(u => u.pv === pv).map(u => (u.connected ? u.value : null))
  }

  /** Waits until the values of all updates of a channel are these; at most so many milliseconds. */
  async expectValues(pv: string, values: unknown[], timeout = 20_000): Promise<void> {
    await vi.waitFor(() => expect(this.values(pv)).toEqual(values), timeout)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#script[Symbol.asyncDispose]()
  }

  #ask(command: string, rest: object): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    const id = this.#nextId++
    this.#script.send({ id, do: command, ...rest })
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
  }

  async #listen(): Promise<void> {
    for await (const answer of this.#script) {
      if (!("id" in answer)) {
        this.updates.push(answer as LibcaUpdate)
        continue
      }
      const waiting = this.#waiting.get(answer.id as number)
      this.#waiting.delete(answer.id as number)
      if ("error" in answer) waiting?.reject(new Error(answer.error as string))
      else waiting?.resolve(answer["result"])
    }
  }
}
