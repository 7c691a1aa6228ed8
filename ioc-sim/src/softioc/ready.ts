/** When a starting IOC is up, and what to say when it will not be. */
import type { ChildProcessWithoutNullStreams } from "node:child_process"
import { connect } from "node:net"
import { setTimeout as delay } from "node:timers/promises"
import { IocSimError } from "../errors.ts"
import type { IocPorts } from "./environment.ts"

interface Starting {
  readonly child: ChildProcessWithoutNullStreams
  readonly ports: IocPorts
  /** A server of pvAccessCPP keeps everyone waiting for seconds while somebody has connected and says nothing. */
  readonly shy: boolean
  /** Seconds. */
  readonly timeout: number
  readonly what: string
  readonly output: () => string
}

/** What an IOC prints when it is up, and when it could not load a database. */
export const initialised = /iocRun: All initialization complete/
export const failed = /Failed to load|Error loading/
/** rsrv and pvxs take another port without asking when theirs is in use. */
const otherPort = /Configured TCP port was unavailable|Server unable to bind port/

/**
 * Resolves once the IOC says that initialisation is complete and its sockets accept connections (pvxs opens its own
 * a moment after that line).
 */
export async function ready(starting: Starting): Promise<void> {
  const { child, ports, shy, timeout, what, output } = starting
  const giveUp = new AbortController()
  const timer = setTimeout(() => giveUp.abort(), timeout * 1000)
  const fail = (reason: string, options?: ErrorOptions): IocSimError =>
    new IocSimError("softioc-failed", `${what}: ${reason}\n${output().trim()}`, options)
  try {
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (failed.test(output())) reject(fail("the database was refused"))
        else if (initialised.test(output())) resolve()
      }
      child.stdout.on("data", look)
      child.stderr.on("data", look)
      child.once("error", cause => reject(fail("could not be run", { cause })))
      // "close", not "exit": only then everything it printed has been read.
      child.once("close", (code, signal) =>
        reject(fail(`ended (${signal ?? `exit status ${code}`}) while starting`)),
      )
      giveUp.signal.addEventListener("abort", () => reject(fail(`not up after ${timeout} s`)))
    })
    if (otherPort.test(output())) {
      throw new IocSimError(
        "softioc-port-taken",
        `${what}: port ${ports.ca} or ${ports.pva} is in use\n${output()}`,
      )
    }
    for (const port of shy ? [ports.ca] : [ports.ca, ports.pva]) {
      while (!(await accepts(port))) {
        if (giveUp.signal.aborted) throw fail(`port ${port} accepts no connection after ${timeout} s`)
        if (child.exitCode !== null) throw fail(`ended with exit status ${child.exitCode}`)
        await delay(20)
      }
    }
  } finally {
    clearTimeout(timer)
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ port, host: "127.0.0.1" })
    socket.once("connect", () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", () => resolve(false))
  })
}
