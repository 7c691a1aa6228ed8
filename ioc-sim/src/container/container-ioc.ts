/** A genuine EPICS IOC in a container: reached through ports of this machine, stopped with the scope that uses it. */
import { lookup } from "node:dns/promises"
import { basename, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { type ClientSettings, clientSettings } from "../client-settings.ts"
import { IocSimError } from "../errors.ts"
import { clientEnvironment, type IocPorts } from "../softioc/environment.ts"
import { macroText } from "../softioc/macros.ts"
import { freePort } from "../softioc/ports.ts"
import { containerEngine, type Engine } from "./engine.ts"
import { softIocImage } from "./image.ts"
import type { ContainerIocOptions } from "./options.ts"
import { startContainer } from "./start.ts"

/**
 * Starts a genuine IOC (EPICS Base, QSRV2, the motor, scaler and busy record types) in a container and waits until it is up.
 *
 * It can be reached over TCP alone, by name server: Channel Access and pvAccess searches by UDP do not get into it.
 * @example
 * await using ioc = await startContainerIoc({ text: 'record(ao, "$(P)x") {}', macros: { P: "test:" } })
 * await using client = new CaClient(ioc.clientConfig().ca)
 * @throws IocSimError `container-engine-not-found`, `container-image-failed` with what the build printed,
 * `container-failed` with what the IOC printed, or `port-taken` when `ports` were given and are in use.
 */
export async function startContainerIoc(options: ContainerIocOptions = {}): Promise<ContainerIoc> {
  const { text, macros = {}, ports = {}, timeout = 60 } = options
  const arguments_ = ["-m", macroText(macros)]
  const files: Record<string, string> = {}
  const texts: Record<string, string> = {}
  for (const database of [options.database ?? []].flat()) {
    const source = database instanceof URL ? fileURLToPath(database) : resolve(database)
    const target = `/databases/${Object.keys(files).length}-${basename(source)}`
    files[target] = source
    arguments_.push("-d", target)
  }
  if (text !== undefined) {
    texts["/databases/text.db"] = text
    arguments_.push("-d", "/databases/text.db")
  }
  const engine = await containerEngine()
  await startCleaner(engine)
  const image = options.image ?? (await softIocImage(engine, options))
  return start({
    engine,
    image,
    host: await hostOf(engine),
    arguments: arguments_,
    files,
    texts,
    ports,
    timeout,
  })
}

interface Plan {
  readonly engine: Engine
  readonly image: string
  readonly host: string
  readonly arguments: readonly string[]
  readonly files: Readonly<Record<string, string>>
  readonly texts: Readonly<Record<string, string>>
  readonly ports: NonNullable<ContainerIocOptions["ports"]>
  readonly timeout: number
}

/** A port that was free may be taken when the engine maps it, by another process or on another machine. */
const attempts = 5
const taken = /port is already allocated|address already in use/

async function start({
  engine,
  image,
  arguments: command,
  ports: wanted,
  ...plan
}: Plan): Promise<ContainerIoc> {
  for (let attempt = 1; ; attempt++) {
    const ports: IocPorts = {
      ca: wanted.ca ?? (await freePort()),
      pva: wanted.pva ?? (await freePort()),
      pvaSearch: await freePort(),
      beacon: await freePort(),
    }
    let output = ""
    try {
      const environment = {
        EPICS_CAS_SERVER_PORT: String(ports.ca),
        EPICS_PVAS_SERVER_PORT: String(ports.pva),
      }
      const heard = (text: string): void => {
        output = (output + text).slice(-65_536)
      }
      const container = await startContainer(engine, { ...plan, image, command, ports, environment, heard })
      const process = engine.client.container.getById(container.getId())
      return new ContainerIoc({ container, process, image, host: plan.host, ports, output: () => output })
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      const isTaken = taken.test(reason)
      const mayChoose = wanted.ca === undefined || wanted.pva === undefined
      if (isTaken && mayChoose && attempt < attempts) continue
      const message = `a container of ${image} did not start: ${reason}\n${output.trim()}`
      throw new IocSimError(isTaken ? "port-taken" : "container-failed", message, { cause })
    }
  }
}

/** What this class needs of a container. */
export interface RunningContainer {
  restart(): Promise<void>
  stop(): Promise<unknown>
}

/** What is in it, as the engine handles it. */
export interface RunningProcess {
  pause(): Promise<unknown>
  unpause(): Promise<unknown>
}

interface ContainerIocParts {
  readonly container: RunningContainer
  readonly process: RunningProcess
  readonly image: string
  readonly host: string
  readonly ports: IocPorts
  readonly output: () => string
}

/** A running IOC in a container. Get one from {@link startContainerIoc}. */
export class ContainerIoc implements AsyncDisposable {
  readonly #parts: ContainerIocParts

  constructor(parts: ContainerIocParts) {
    this.#parts = parts
  }

  /** Name of the image, for people. */
  get name(): string {
    return this.#parts.image
  }

  /** Address of the machine whose ports these are; 127.0.0.1 unless the engine is elsewhere. */
  get host(): string {
    return this.#parts.host
  }

  /** TCP ports of the two protocols, the same inside the container and outside. */
  get ports(): { readonly ca: number; readonly pva: number } {
    const { ca, pva } = this.#parts.ports
    return { ca, pva }
  }

  /** The end of what the IOC has printed (at most 64 KiB). */
  get output(): string {
    return this.#parts.output()
  }

  /** Settings of clients, by protocol, that reach this IOC and nothing else. */
  clientConfig(): { readonly ca: ClientSettings; readonly pva: ClientSettings } {
    const { ca, pva } = this.#parts.ports
    return { ca: clientSettings(ca, this.host), pva: clientSettings(pva, this.host) }
  }

  /** Variables for a client in another process; nothing of the caller's EPICS variables is needed besides. */
  clientEnvironment(): { readonly [name: string]: string } {
    return clientEnvironment(this.#parts.ports, { host: this.host })
  }

  /**
   * Ends the IOC at once and starts it again on the same ports; records are as loaded from their files.
   * @throws IocSimError `container-failed` when it does not come up again.
   */
  async restart(): Promise<void> {
    await this.#try("did not start again", () => this.#parts.container.restart())
  }

  /**
   * Stops the IOC where it is, connections open: to a client it hangs.
   * @throws IocSimError `container-failed` when the engine refuses, such as for one that is frozen already.
   */
  async freeze(): Promise<void> {
    await this.#try("could not be frozen", () => this.#parts.process.pause())
  }

  /**
   * Lets a frozen IOC go on.
   * @throws IocSimError `container-failed` when the engine refuses, such as for one that is not frozen.
   */
  async thaw(): Promise<void> {
    await this.#try("could not be thawed", () => this.#parts.process.unpause())
  }

  /** Ends the IOC and takes the container away, if somebody else has not done so. The image stays. */
  async close(): Promise<void> {
    const gone = (error: unknown): boolean => (error as { statusCode?: number }).statusCode === 404
    await this.#try("could not be ended", () =>
      this.#parts.container.stop().catch(error => {
        if (!gone(error)) throw error
      }),
    )
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #try(failure: string, action: () => Promise<unknown>): Promise<void> {
    try {
      await action()
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      const message = `a container of ${this.name} ${failure}: ${reason}\n${this.output.trim()}`
      throw new IocSimError("container-failed", message, { cause })
    }
  }
}

/** The container with which testcontainers removes what a killed process leaves behind. Its image may have to be fetched. */
async function startCleaner({ testcontainers, client }: Engine): Promise<void> {
  try {
    await testcontainers.getReaper(client)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new IocSimError(
      "container-failed",
      `testcontainers could not start Ryuk, which cleans up behind it: ${reason}; TESTCONTAINERS_RYUK_DISABLED=true does without`,
      { cause },
    )
  }
}

/** Clients of other projects want an address, and the engine's host may be a name that has several. */
async function hostOf({ client }: Engine): Promise<string> {
  const { host } = client.info.containerRuntime
  const { address } = await lookup(host, { family: 4 })
  return address
}
