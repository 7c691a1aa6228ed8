import { DmEncodingError, dmDecode, dmDecodeJson, dmEncode, dmEncodeJson } from "./encoding.ts"
import { type DmArgumentForm, type DmRoute, type DmService, type DmVerb, defaultRoutes } from "./routes.ts"

/** Arguments of a call by name. In a match: plain ones as text, JSON ones parsed. */
export type DmArguments = Readonly<Record<string, unknown>>

/** A request ready to be sent: nothing in `target` or `body` may be coded again. */
export interface DmRequest {
  readonly route: DmRoute
  readonly service: DmService | "any"
  readonly verb: DmVerb
  /** Path from the root `/dm` and query. */
  readonly target: string
  /** Form body, where the route has one. */
  readonly body: string | null
}

export interface DmMatch {
  readonly route: DmRoute
  readonly args: DmArguments
}

/** What a site may say about a route: anything but its call name. */
export type DmRouteChange = Partial<Omit<DmRoute, "call" | "evidence">>

type Segment = { readonly literal: string } | { readonly name: string; readonly form: DmArgumentForm }
interface Compiled {
  readonly route: DmRoute
  readonly segments: readonly Segment[]
  /** The last segment may be left out. */
  readonly optional: boolean
}

/** Context root of every service. */
export const dmRoot = "/dm"

/**
 * The one table of requests: the client builds from it, a service matches with it.
 * `new DmRoutes()` is the default table; `with` gives a corrected copy.
 */
export class DmRoutes {
  readonly rows: readonly DmRoute[]
  readonly #byCall = new Map<string, Compiled>()

  /** @throws TypeError on a malformed path or a call that appears twice. */
  constructor(rows: readonly DmRoute[] = defaultRoutes) {
    this.rows = rows
    for (const row of rows) {
      if (this.#byCall.has(row.call)) throw new TypeError(`route table: the call ${row.call} appears twice`)
      this.#byCall.set(row.call, compile(row))
    }
  }

  /** A copy with the named rows changed; they are then marked `site`. A new call needs verb, path and service. */
  with(changes: Readonly<Record<string, DmRouteChange>>): DmRoutes {
    const rows = this.rows.map(row => {
      const change = changes[row.call]
      return change === undefined ? row : { ...row, source: "", ...change, evidence: "site" as const }
    })
    for (const [call, { service, verb, path, ...rest }] of Object.entries(changes)) {
      if (this.#byCall.has(call)) continue
      if (service === undefined || verb === undefined || path === undefined) {
        throw new TypeError(`route table: the new call ${call} needs service, verb and path`)
      }
      rows.push({ source: "", ...rest, call, service, verb, path, evidence: "site" })
    }
    return new DmRoutes(rows)
  }

  /** @throws TypeError when the table has no such call. */
  row(call: string): DmRoute {
    return this.#compiled(call).route
  }

  /** @throws TypeError on an unknown call or a missing path argument, before anything is sent. */
  build(call: string, args: DmArguments = {}): DmRequest {
    const { route, segments, optional } = this.#compiled(call)
    let path = dmRoot
    for (const [index, segment] of segments.entries()) {
      if ("literal" in segment) {
        path += `/${segment.literal}`
        continue
      }
      const value = args[segment.name]
      if (value === undefined || value === null || value === "") {
        if (optional && index === segments.length - 1) continue
        throw new TypeError(`DM call ${call}: the argument "${segment.name}" is missing or empty`)
      }
      path += `/${write(value, segment.form)}`
    }
    const query = members(route.query, args, "query")
    return {
      route,
      service: route.service,
      verb: route.verb,
      target: query === "" ? path : `${path}?${query}`,
      body: route.form === undefined ? null : members(route.form, args, "form"),
    }
  }

  /**
   * The row and the arguments of a request as a server sees it: `target` is raw, neither path nor query decoded yet.
   * Gives null when no row fits. Literal segments win over arguments.
   * @throws DmEncodingError (a service answers InvalidArgument) when an encoded argument does not decode.
   */
  match(verb: string, target: string, options: { service?: DmService; body?: string } = {}): DmMatch | null {
    const cut = target.indexOf("?")
    const path = cut < 0 ? target : target.slice(0, cut)
    if (path !== dmRoot && !path.startsWith(`${dmRoot}/`)) return null
    const parts = path
      .slice(dmRoot.length + 1)
      .split("/")
      .map(percentDecode)
    const wanted = options.service
    const fits = [...this.#byCall.values()]
      .filter(({ route }) => route.verb === verb)
      .filter(({ route }) => wanted === undefined || route.service === "any" || route.service === wanted)
      .filter(row => fitsPath(row, parts))
      .sort((a, b) => literals(b) - literals(a))
    const row = fits[0]
    if (row === undefined) return null
    const args: Record<string, unknown> = {}
    for (const [index, segment] of row.segments.entries()) {
      const part = parts[index]
      if ("name" in segment && part !== undefined) args[segment.name] = read(part, segment.form, segment.name)
    }
    Object.assign(args, readMembers(row.route.query, cut < 0 ? "" : target.slice(cut + 1), false))
    Object.assign(args, readMembers(row.route.form, options.body ?? "", true))
    return { route: row.route, args }
  }

  #compiled(call: string): Compiled {
    const row = this.#byCall.get(call)
    if (row === undefined) throw new TypeError(`the route table has no call ${call}`)
    return row
  }
}

function compile(route: DmRoute): Compiled {
  const wrong = (why: string) => new TypeError(`route ${route.call}: ${why} in "${route.path}"`)
  const [, required, last] = /^((?:\/[^/[\]]+)+)(?:\[\/([^/[\]]+)\])?$/.exec(route.path) ?? []
  if (required === undefined) throw wrong("malformed path")
  const segments = [...required.slice(1).split("/"), ...(last === undefined ? [] : [last])].map(
    (text): Segment => {
      const [, name, star] = /^\{(\w+)(\*?)\}$/.exec(text) ?? []
      if (name !== undefined) return { name, form: star === "*" ? "encoded" : "plain" }
      if (/[{}?#]/.test(text)) throw wrong(`malformed segment "${text}"`)
      return { literal: text }
    },
  )
  return { route, segments, optional: last !== undefined }
}

const literals = (row: Compiled): number => row.segments.filter(s => "literal" in s).length

function fitsPath({ segments, optional }: Compiled, parts: readonly string[]): boolean {
  const short = optional && parts.length === segments.length - 1
  if (parts.length !== segments.length && !short) return false
  return parts.every((part, index) => {
    const segment = segments[index]
    return segment !== undefined && ("literal" in segment ? segment.literal === part : part !== "")
  })
}

function write(value: unknown, form: DmArgumentForm): string {
  if (form === "json") return dmEncodeJson(value)
  const text = typeof value === "boolean" ? (value ? "1" : "0") : String(value)
  return form === "encoded" ? dmEncode(text) : encodeURIComponent(text)
}

function members(spec: DmRoute["query"], args: DmArguments, where: "query" | "form"): string {
  return Object.entries(spec ?? {})
    .filter(([name]) => args[name] !== undefined && args[name] !== null)
    .map(([name, form]) => {
      const text = write(args[name], form)
      return `${name}=${where === "form" && form !== "plain" ? encodeURIComponent(text) : text}`
    })
    .join("&")
}

function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function read(text: string, form: DmArgumentForm, name: string): unknown {
  if (form === "plain") return text
  try {
    return form === "json" ? dmDecodeJson(text) : dmDecode(text)
  } catch (cause) {
    if (!(cause instanceof DmEncodingError)) throw cause
    throw new DmEncodingError(cause.step, `argument "${name}": ${cause.message}`, { cause })
  }
}

/** Splits at the first `=` only: encoded values end with more of them. Members that the row lacks are ignored. */
function readMembers(spec: DmRoute["query"] = {}, text: string, form: boolean): Record<string, unknown> {
  const args: Record<string, unknown> = {}
  for (const member of text.split("&")) {
    const cut = member.indexOf("=")
    if (cut < 0) continue
    const name = percentDecode(member.slice(0, cut))
    const raw = member.slice(cut + 1)
    if (!Object.hasOwn(spec, name)) continue
    args[name] = read(percentDecode(form ? raw.replaceAll("+", " ") : raw), spec[name] ?? "plain", name)
  }
  return args
}
