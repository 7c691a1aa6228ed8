import { homedir } from "node:os"
import { join } from "node:path"
import { type ParseArgsConfig, parseArgs } from "node:util"
import { DmClient } from "../client/index.ts"
import { type DmConfig, type DmSettings, dmConfig } from "../config/config.ts"
import { dmRoutesFromFile } from "../config/routes-file.ts"
import { DmSpool } from "../spool/index.ts"
import { type Terminal, UsageError } from "./terminal.ts"

/** Options of every command. */
export const commonOptions = {
  setup: { type: "string" },
  station: { type: "string" },
  ca: { type: "string" },
  insecure: { type: "boolean" },
  "request-timeout": { type: "string" },
  routes: { type: "string" },
  spool: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} satisfies ParseArgsConfig["options"]

type Values = Record<string, string | boolean | (string | boolean)[] | undefined>

/** One command line, taken apart. */
export class Invocation implements Disposable {
  readonly terminal: Terminal
  readonly words: readonly string[]
  readonly #values: Values
  #client: DmClient | null = null

  constructor(terminal: Terminal, words: readonly string[], values: Values) {
    this.terminal = terminal
    this.words = words
    this.#values = values
  }

  get json(): boolean {
    return this.flag("json")
  }

  flag(name: string): boolean {
    return this.#values[name] === true
  }

  text(name: string): string | undefined {
    const value = this.#values[name]
    return typeof value === "string" ? value : undefined
  }

  /** @throws UsageError */
  number(name: string): number | undefined {
    const given = this.text(name)
    if (given === undefined) return undefined
    const value = Number(given)
    if (given.trim() === "" || !(value >= 0)) throw new UsageError(`--${name} needs a number, not "${given}"`)
    return value
  }

  /** One of some words. @throws UsageError */
  choice<const C extends readonly string[]>(name: string, choices: C): C[number] | undefined {
    const given = this.text(name)
    if (given === undefined || choices.includes(given)) return given
    throw new UsageError(`--${name} is one of ${choices.join(", ")}, not "${given}"`)
  }

  /** Exactly so many words, or up to so many. @throws UsageError */
  expectWords(least: number, most: number, what: string): void {
    if (this.words.length < least) throw new UsageError(`which ${what}?`)
    if (this.words.length > most) throw new UsageError(`what is "${this.words[most]}"?`)
  }

  /** Made at the first use; nothing is contacted. @throws ConfigurationError */
  get config(): DmConfig {
    const timeout = this.number("request-timeout")
    const [station, caFile] = [this.text("station"), this.text("ca")]
    const routes = this.routesFile
    const settings: DmSettings = {
      ...(routes === null ? {} : { routes: dmRoutesFromFile(routes) }),
      insecure: this.flag("insecure"),
      ...(station === undefined ? {} : { station }),
      ...(caFile === undefined ? {} : { caFile }),
      ...(timeout === undefined ? {} : { timeout }),
    }
    const { environment } = this.terminal
    const setup = this.setupFile
    return setup === null
      ? dmConfig.fromEnvironment(settings, environment)
      : dmConfig.fromSetupFile(setup, settings, environment)
  }

  /** The site's `dm.setup.sh`, if one is named. */
  get setupFile(): string | null {
    return this.text("setup") ?? (this.terminal.environment[setupVariable] || null)
  }

  /** Rows of the route table that the site has corrected. */
  get routesFile(): string | null {
    return this.text("routes") ?? (this.terminal.environment[routesVariable] || null)
  }

  get client(): DmClient {
    this.#client ??= new DmClient(this.config)
    return this.#client
  }

  /** Whose workflows and jobs are meant: `--owner`, else the account in use. @throws ConfigurationError */
  get owner(): string {
    return this.text("owner") ?? this.client.username
  }

  get spool(): DmSpool {
    const { environment } = this.terminal
    const directory =
      this.text("spool") ?? (environment[spoolVariable] || join(homedir(), ".ophyd-ts", "dm-spool"))
    return new DmSpool({ directory })
  }

  [Symbol.dispose](): void {
    this.#client?.close()
  }
}

export const setupVariable = "OPHYD_TS_DM_SETUP"
export const routesVariable = "OPHYD_TS_DM_ROUTES"
export const spoolVariable = "OPHYD_TS_DM_SPOOL"

export interface Command {
  /** Words and own options, for the list of commands. */
  readonly usage: string
  readonly what: string
  readonly options?: NonNullable<ParseArgsConfig["options"]>
  /** Gives the exit status. */
  run(invocation: Invocation): Promise<number>
}

/** @throws UsageError */
export function takeApart(command: Command, argv: readonly string[], terminal: Terminal): Invocation {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: { ...commonOptions, ...command.options },
    })
    return new Invocation(terminal, positionals, values as Values)
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}
