/** A genuine EPICS IOC as a child process: started on free ports of 127.0.0.1, stopped with the scope that uses it. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { type ClientSettings, clientSettings, searchSettings } from "../client-settings.ts"
import { IocSimError } from "../errors.ts"
import { type SoftIocCommand, type SoftIocNeeds, softIocCommand } from "./command.ts"
import { clientEnvironment, type IocPorts, serverEnvironment } from "./environment.ts"
import { macroText } from "./macros.ts"
import { freePort } from "./ports.ts"
import { isStopped } from "./process-state.ts"
import { ready } from "./ready.ts"

/** What to serve, and where. */
export interface SoftIocOptions extends SoftIocNeeds {
  /** Database files. */
  readonly database?: string | URL | readonly (string | URL)[]
  /** Records written in place, loaded after the files. */
  readonly text?: string
  /** Values for `$(NAME)` in files and text. A value may hold neither comma, quote nor backslash. */
  readonly macros?: Readonly<Record<string, string>>
  /** Ports, when the caller has to choose them. Default: free ones. */
  readonly ports?: Partial<IocPorts>
  /** Seconds until a start that has not been completed fails. Default 60: a loaded machine takes its time. */
  readonly timeout?: number
}

/**
 * Starts a genuine IOC and waits for its own word that it is up.
 *
 * It listens on 127.0.0.1 only, sends beacons nowhere else, and ends with this process.
 * @throws IocSimError `softioc-not-found`, `softioc-failed` with the IOC's own output, or `softioc-port-taken` when
 * `ports` were given and are in use.
 */
export async function startSoftIoc(options: SoftIocOptions): Promise<SoftIoc> {
  const command = softIocCommand(options)
  const macros = macroText(options.macros ?? {})
  const files = [options.database ?? []].flat().map(f => (f instanceof URL ? fileURLToPath(f) : resolve(f)))
  let folder: string | undefined
  if (options.text !== undefined) {
    folder = await mkdtemp(join(tmpdir(), "ophyd-ts-softioc-"))
    const file = join(folder, "text.db")
    await writeFile(file, options.text)
    files.push(file)
  }
  const ioc = new SoftIoc({
    command,
    args: [...command.args, "-m", macros, ...files.flatMap(file => ["-d", file])],
    byUdp: options.pva === "qsrv1",
    wanted: options.ports ?? {},
    timeout: options.timeout ?? 60,
    folder,
  })
  try {
    await ioc.restart({ samePort: false })
    return ioc
  } catch (error) {
    await ioc[Symbol.asyncDispose]()
    throw error
  }
}

interface SoftIocPlan {
  readonly command: SoftIocCommand
  readonly args: readonly string[]
  readonly byUdp: boolean
  readonly wanted: Partial<IocPorts>
  readonly timeout: number
  readonly folder: string | undefined
}

/** Node refuses signals that a system does not know. */
const canFreeze = process.platform !== "win32"

/** A running genuine IOC. Get one from {@link startSoftIoc}. */
export class SoftIoc implements AsyncDisposable {
  readonly #plan: SoftIocPlan
  #ports: IocPorts | undefined
  #child: ChildProcessWithoutNullStreams | undefined
  #output = ""

  constructor(plan: SoftIocPlan) {
    this.#plan = plan
  }

  /** Which program it is, for people. */
  get name(): string {
    return this.#plan.command.name
  }

  get ports(): IocPorts {
    if (this.#ports === undefined)
      throw new IocSimError("softioc-failed", `${this.name} has not been started`)
    return this.#ports
  }

  /** Process id, while it runs. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** The end of what the IOC has printed (at most 64 KiB). */
  get output(): string {
    return this.#output
  }

  /** Settings of clients, by protocol, that reach this IOC and nothing else. */
  clientConfig(): { readonly ca: ClientSettings; readonly pva: ClientSettings } {
    const { ca, pva, pvaSearch } = this.ports
    return { ca: clientSettings(ca), pva: this.#plan.byUdp ? searchSettings(pvaSearch) : clientSettings(pva) }
  }

  /** Variables for a client in another process; nothing of the caller's EPICS variables is needed besides. */
  clientEnvironment(): { readonly [name: string]: string } {
    return clientEnvironment(this.ports, { byUdp: this.#plan.byUdp })
  }

  /** Runs a command of the IOC shell, such as `dbpf "P:x" 3`. It does not wait for the effect. */
  shell(command: string): void {
    this.#child?.stdin.write(this.#plan.command.line(command))
  }

  /** Ends the process at once, as a crash would (`SIGKILL`) or politely. Resolves when it is gone. */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    this.#child = undefined
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise<void>(resolve => child.once("exit", () => resolve()))
    child.kill(signal)
    if (canFreeze) child.kill("SIGCONT") // A frozen process hears nothing else but SIGKILL.
    await gone
  }

  /** Kills it and starts it again, by default on the same ports. Records are as loaded from their files. */
  async restart({ samePort = true }: { readonly samePort?: boolean } = {}): Promise<void> {
    await this.kill()
    const attempts = 5
    for (let attempt = 1; ; attempt++) {
      const fixed = samePort ? this.ports : this.#plan.wanted
      this.#ports = {
        ca: fixed.ca ?? (await freePort()),
        pva: fixed.pva ?? (await freePort()),
        pvaSearch: fixed.pvaSearch ?? (await freePort()),
        beacon: fixed.beacon ?? (await freePort()),
      }
      try {
        await this.#start(this.#ports)
        return
      } catch (error) {
        await this.kill()
        const taken = error instanceof IocSimError && error.code === "softioc-port-taken"
        const mayChoose = !samePort && (fixed.ca === undefined || fixed.pva === undefined)
        if (!taken || !mayChoose || attempt === attempts) throw error
      }
    }
  }

  /**
   * Stops the process where it is, sockets open: to a client the IOC hangs. Resolves when it stands.
   * @throws IocSimError `bad-argument` on Windows, which has no signal for that.
   */
  async freeze(): Promise<void> {
    if (!canFreeze) throw new IocSimError("bad-argument", `${this.name} cannot be frozen on Windows`)
    const child = this.#child
    if (child?.pid === undefined) return
    child.kill("SIGSTOP")
    // The signal is delivered to one thread after the other, on a loaded machine not at once.
    while (child.exitCode === null && child.signalCode === null && !(await isStopped(child.pid)))
      await delay(5)
  }

  /** Lets a frozen IOC go on. */
  thaw(): void {
    if (canFreeze) this.#child?.kill("SIGCONT")
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    if (this.#plan.folder !== undefined) await rm(this.#plan.folder, { recursive: true, force: true })
  }

  async #start(ports: IocPorts): Promise<void> {
    const { command, args, timeout, byUdp } = this.#plan
    const inherited = Object.entries(process.env).filter(([name]) => !/^EPICS_(CA|CAS|PVA|PVAS)_/.test(name))
    const child = spawn(command.command, args, {
      env: {
        ...Object.fromEntries(inherited),
        ...serverEnvironment(ports, byUdp),
        PYTHONUNBUFFERED: "1",
        PYTHONDONTWRITEBYTECODE: "1",
      },
      stdio: "pipe",
      windowsHide: true,
    })
    this.#child = child
    this.#output = ""
    const collect = (chunk: string): void => {
      this.#output = (this.#output + chunk).slice(-65_536)
    }
    child.stdout.setEncoding("utf8").on("data", collect)
    child.stderr.setEncoding("utf8").on("data", collect)
    child.stdin.on("error", () => {}) // The IOC has gone: its exit is the report.
    await ready({
      child,
      ports,
      shy: byUdp,
      timeout,
      what: `${command.command} ${args.join(" ")}`,
      output: () => this.#output,
    })
  }
}
