import { readFileSync } from "node:fs"
import { ConfigurationError } from "../errors.ts"
import { DmRoutes, type DmService, dmServices } from "../wire/index.ts"
import { parseSetupFile } from "./setup-file.ts"

/** What a program may say itself; it wins over the environment, which wins over the setup file. */
export interface DmSettings {
  /** Scheme, host and port of each service, with or without `/dm`. A service without one cannot be used. */
  urls?: Partial<Record<DmService, string>>
  /** `DM_STATION_NAME`, usually upper case. */
  station?: string
  username?: string
  password?: string
  /** Its first line is user name, `|`, password. */
  loginFile?: string
  /** PEM file with the authority that signed the services' certificates. */
  caFile?: string
  /** Accept any certificate. Announced once, as a process warning. */
  insecure?: boolean
  /** Seconds for one request, default 30. */
  timeout?: number
  /** Default 64 MiB. */
  maxResponseBytes?: number
  /** The table of requests, where a site has corrected it. */
  routes?: DmRoutes
}

export type DmOrigin = "explicit" | "environment" | "setup file"

/** Where each value came from. Holds no secret, so it can be shown. */
export interface DmConfigEntry {
  readonly name: string
  readonly value: string
  readonly origin: DmOrigin
}

export interface DmCredentials {
  readonly username: string
  readonly password: string
}

type Environment = Readonly<Record<string, string | undefined>>

const urlVariables: Record<DmService, string> = {
  ds: "DM_DS_WEB_SERVICE_URL",
  daq: "DM_DAQ_WEB_SERVICE_URL",
  cat: "DM_CAT_WEB_SERVICE_URL",
  proc: "DM_PROC_WEB_SERVICE_URL",
  aps: "DM_APS_DB_WEB_SERVICE_URL",
}

/** Names of the services for people. */
export const dmServiceNames: Record<DmService, string> = {
  ds: "data storage",
  daq: "data acquisition",
  cat: "catalogue",
  proc: "processing",
  aps: "APS database",
}

/** Everything a client needs to know, resolved once. Its printed form holds no password. */
export class DmConfig {
  readonly caFile: string | null
  readonly insecure: boolean
  readonly timeout: number
  readonly maxResponseBytes: number
  readonly routes: DmRoutes
  /** Every setting found, for display. */
  readonly entries: readonly DmConfigEntry[]
  readonly #urls: ReadonlyMap<DmService, string>
  readonly #station: string | null
  readonly #username: string | null
  readonly #password: string | null
  readonly #loginFile: string | null
  readonly #hints: ReadonlyMap<string, string>

  constructor(
    settings: DmSettings,
    environment: Environment,
    setup: { exports: ReadonlyMap<string, string>; hints: ReadonlyMap<string, string> },
  ) {
    const entries: DmConfigEntry[] = []
    const find = (name: string, explicit: string | undefined, variable: string): string | null => {
      const candidates: [DmOrigin, string | undefined][] = [
        ["explicit", explicit],
        ["environment", environment[variable]],
        ["setup file", setup.exports.get(variable)],
      ]
      const found = candidates.find(([, value]) => value !== undefined && value !== "")
      if (found?.[1] === undefined) return null
      entries.push({ name, value: found[1], origin: found[0] })
      return found[1]
    }
    const urls = new Map<DmService, string>()
    for (const service of dmServices) {
      const url = find(`urls.${service}`, settings.urls?.[service], urlVariables[service])
      if (url !== null) urls.set(service, baseUrl(url, urlVariables[service]))
    }
    this.#urls = urls
    this.#station = find("station", settings.station, "DM_STATION_NAME")
    this.#loginFile = find("loginFile", settings.loginFile, "DM_LOGIN_FILE")
    this.#username = settings.username ?? null
    if (this.#username !== null) entries.push({ name: "username", value: this.#username, origin: "explicit" })
    this.#password = settings.password ?? null
    this.caFile = settings.caFile ?? null
    this.insecure = settings.insecure ?? false
    this.timeout = settings.timeout ?? 30
    this.maxResponseBytes = settings.maxResponseBytes ?? 64 * 1024 * 1024
    this.routes = settings.routes ?? new DmRoutes()
    this.entries = entries
    this.#hints = setup.hints
    if (!(this.timeout > 0)) throw new ConfigurationError(`DM timeout must be positive, not ${this.timeout}`)
  }

  /**
   * Address of a service, without `/dm`. There is no default: guessing this machine hides the mistake.
   * @throws ConfigurationError that says which variable is missing.
   */
  url(service: DmService): string {
    const url = this.#urls.get(service)
    if (url !== undefined) return url
    const variable = urlVariables[service]
    throw new ConfigurationError(
      `no address for DM's ${dmServiceNames[service]} service: set ${variable} or urls.${service}${this.#hint(variable)}`,
    )
  }

  /** @throws ConfigurationError when no station is configured. */
  get station(): string {
    if (this.#station !== null) return this.#station
    throw new ConfigurationError(
      `no DM station: set DM_STATION_NAME or station${this.#hint("DM_STATION_NAME")}`,
    )
  }

  /**
   * Account and password, read from the login file where they are not given.
   * @throws ConfigurationError when there are none or the file cannot be read; never tells its contents.
   */
  credentials(): DmCredentials {
    const [username, password] = [this.#username, this.#password]
    if (username !== null && password !== null) return { username, password }
    const file = this.#loginFile
    if (file === null) {
      throw new ConfigurationError(
        `no DM credentials: give username and password, or a login file (DM_LOGIN_FILE)${this.#hint("DM_LOGIN_FILE")}`,
      )
    }
    const [, user, secret] = /^([^|\r\n]+)\|([^\r\n]*)/.exec(readText(file, "DM login file")) ?? []
    if (user === undefined || secret === undefined) {
      throw new ConfigurationError(`DM login file ${file}: the first line is not "user name|password"`)
    }
    return { username: username ?? user.trim(), password: password ?? secret.trim() }
  }

  /** The account that owns workflows and jobs. @throws ConfigurationError as `credentials` does. */
  username(): string {
    return this.#username ?? this.credentials().username
  }

  #hint(variable: string): string {
    const reason = this.#hints.get(variable)
    return reason === undefined ? "" : ` (${reason})`
  }
}

function baseUrl(text: string, variable: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new ConfigurationError(`${variable}: "${text}" is not an http or https address`)
  }
  if (url.username !== "" || url.password !== "") {
    throw new ConfigurationError(`${variable}: credentials do not belong into an address`)
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "").replace(/\/dm$/, "")}`
}

function readText(file: string, what: string): string {
  try {
    return readFileSync(file, "utf8")
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "error"
    const hint =
      code === "EACCES" ? ": this account may not read it" : code === "ENOENT" ? ": no such file" : ""
    throw new ConfigurationError(`cannot read the ${what} ${file} (${code}${hint})`, { cause })
  }
}

/** Three ways to a configuration. None of them talks to DM. */
export const dmConfig = {
  /** Only what is written here. */
  from(settings: DmSettings): DmConfig {
    return new DmConfig(settings, {}, { exports: new Map(), hints: new Map() })
  },

  /** `DM_…` variables of the process; `settings` win. */
  fromEnvironment(settings: DmSettings = {}, environment: Environment = process.env): DmConfig {
    return new DmConfig(settings, environment, { exports: new Map(), hints: new Map() })
  },

  /**
   * The `export` lines of a site's `dm.setup.sh`, which is read and never run. `settings` win over the environment,
   * and the environment over the file.
   * @throws ConfigurationError when the file cannot be read or exports nothing of DM.
   */
  fromSetupFile(path: string, settings: DmSettings = {}, environment: Environment = process.env): DmConfig {
    const { exports, unresolved } = parseSetupFile(readText(path, "DM setup file"), environment)
    if (![...exports.keys(), ...unresolved.map(u => u.name)].some(name => name.startsWith("DM_"))) {
      throw new ConfigurationError(`DM setup file ${path}: it exports no DM_… variable`)
    }
    const hints = unresolved.map(u => [u.name, `${path}, line ${u.line}: ${u.reason}`] as const)
    return new DmConfig(settings, environment, { exports, hints: new Map(hints) })
  },
}
