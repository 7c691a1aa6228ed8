/** When an IOC in a container is up, and why it will not be. */
import { connect } from "node:net"
import { setTimeout as delay } from "node:timers/promises"
import type { WaitStrategy } from "testcontainers"
import { failed, initialised } from "../softioc/ready.ts"
import type { Engine } from "./engine.ts"

type Container = Parameters<WaitStrategy["waitUntilReady"]>[0]

/** What to wait for, and who else wants to know. */
export interface Awaited {
  readonly engine: Engine
  /** Where the IOC's ports are reached. */
  readonly host: string
  readonly ports: readonly number[]
  /** Seconds. */
  readonly timeout: number
  /** Gets all that the IOC prints, also when it is up. */
  readonly heard: (text: string) => void
}

/** Waits until the IOC says that initialisation is complete, and its servers greet whoever connects. */
export class IocIsUp implements WaitStrategy {
  readonly #awaited: Awaited

  constructor(awaited: Awaited) {
    this.#awaited = awaited
  }

  async waitUntilReady(container: Container, _ports: unknown, startTime?: Date): Promise<void> {
    const { engine, host, ports, timeout } = this.#awaited
    const giveUp = new AbortController()
    // testcontainers reads logs through a socket that keeps no process alive; this does.
    const timer = setTimeout(() => giveUp.abort(), timeout * 1000)
    try {
      const since = startTime === undefined ? 0 : startTime.getTime() / 1000
      const log = await engine.client.container.logs(container, { since })
      await this.#initialised(log, container, giveUp.signal)
      for (const port of ports) {
        while (!(await greets(host, port, giveUp.signal))) {
          if (giveUp.signal.aborted) throw new Error(`nobody greets at ${host}:${port} after ${timeout} s`)
          await delay(20)
        }
      }
    } finally {
      clearTimeout(timer)
    }
  }

  #initialised(log: NodeJS.ReadableStream, container: Container, giveUp: AbortSignal): Promise<void> {
    const { heard, timeout } = this.#awaited
    return new Promise<void>((resolve, reject) => {
      let output = ""
      giveUp.addEventListener("abort", () => reject(new Error(`not up after ${timeout} s`)), { once: true })
      log.on("data", (text: string) => {
        heard(text)
        output = (output + text).slice(-65_536)
        if (initialised.test(output)) resolve()
      })
      log.on("error", reject)
      log.on("end", async () => {
        if (failed.test(output)) return reject(new Error("the database was refused"))
        const code = await container.inspect().then(
          ({ State }) => State.ExitCode,
          () => "unknown",
        )
        reject(new Error(`ended (exit status ${code}) while starting`))
      })
    })
  }

  // The engine's part of testcontainers asks for these; the time is set once, when this is made.
  withStartupTimeout(): this {
    return this
  }

  isStartupTimeoutSet(): boolean {
    return true
  }

  getStartupTimeout(): number {
    return this.#awaited.timeout * 1000
  }
}

/** Both protocols have the server speak first. That a mapped port accepts says nothing: the engine itself does that. */
function greets(host: string, port: number, giveUp: AbortSignal): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host, port, signal: giveUp })
    const answer = (greeted: boolean) => () => {
      resolve(greeted)
      socket.destroy()
    }
    socket.once("data", answer(true))
    socket.once("error", answer(false))
    socket.once("close", answer(false))
  })
}
