/**
 * One request at a time to a Tiled server's HTTP interface (Tiled 0.2, `/api/v1`). Where an error leaves open whether
 * the server carried the request out, `uncertain` says so.
 */
import { toError } from "@ophyd-ts/core"
import { ExchangeError } from "../errors.ts"

export interface TiledServer {
  /** Address of the server, with or without `/api/v1`, e.g. `http://tiled.example.org:8000`. */
  url: string
  /** Key with the scopes `read:metadata`, `read:data`, `create:node`, `write:metadata`, `write:data` and, for files, `register`. */
  apiKey?: string
  /** Further headers, e.g. for a proxy. */
  headers?: Readonly<Record<string, string>>
  /** Seconds for one request; default 30. */
  timeout?: number
  /** Default: the one of this process. */
  fetch?: typeof globalThis.fetch
}

export class TiledError extends ExchangeError {
  /** HTTP status; null when no answer came. */
  readonly status: number | null
  /** True when the server may have done what it was asked for. */
  readonly uncertain: boolean

  constructor(
    code: "UNREACHABLE" | "REFUSED",
    message: string,
    status: number | null,
    uncertain: boolean,
    options?: ErrorOptions,
  ) {
    super(code, message, options)
    this.status = status
    this.uncertain = uncertain
  }
}

export interface Body {
  readonly type: string
  readonly bytes: Uint8Array | string
}

export const json = (value: unknown): Body => ({ type: "application/json", bytes: JSON.stringify(value) })

export class TiledClient {
  readonly url: string
  readonly #server: TiledServer

  constructor(server: TiledServer) {
    this.#server = server
    try {
      const url = new URL(server.url)
      url.search = ""
      this.url = `${url.href.replace(/\/+$/, "").replace(/\/api\/v1$/, "")}/api/v1`
    } catch (cause) {
      throw new ExchangeError("ARGUMENT", `"${server.url}" is not the address of a Tiled server`, { cause })
    }
  }

  /**
   * @param endpoint - what stands between `/api/v1/` and the path, e.g. `metadata`
   * @param path - the node
   * @returns the JSON answer
   * @throws TiledError `UNREACHABLE` when it makes sense to try again, else `REFUSED`
   */
  async request(
    method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE",
    endpoint: string,
    path: readonly string[],
    { query = {}, body, signal }: { query?: Record<string, string>; body?: Body; signal: AbortSignal },
  ): Promise<unknown> {
    const { apiKey, headers = {}, timeout = 30, fetch = globalThis.fetch } = this.#server
    const where = `${endpoint}/${path.map(encodeURIComponent).join("/")}`
    const search = Object.keys(query).length === 0 ? "" : `?${new URLSearchParams(query)}`
    const what = `Tiled server ${this.url}: ${method} ${where}`
    const deadline = AbortSignal.timeout(timeout * 1000)
    let response: Response
    let text: string
    try {
      response = await fetch(`${this.url}/${where}${search}`, {
        method,
        headers: {
          accept: "application/json",
          ...(apiKey !== undefined && { authorization: `Apikey ${apiKey}` }),
          ...(body !== undefined && { "content-type": body.type }),
          ...headers,
        },
        ...(body !== undefined && { body: body.bytes as BodyInit }),
        signal: AbortSignal.any([signal, deadline]),
      })
      text = await response.text()
    } catch (thrown) {
      signal.throwIfAborted()
      const error = toError(thrown)
      const reason = deadline.aborted ? `no answer within ${timeout} s` : reasonOf(error)
      throw new TiledError("UNREACHABLE", `${what}: ${reason}`, null, !isUnsent(error), { cause: error })
    }
    const { status } = response
    if (response.ok) return parse(text)
    const detail = `${what}: ${status} ${response.statusText} ${detailOf(text)}`.trimEnd()
    const passing = status >= 500 || status === 429 || status === 408
    throw new TiledError(passing ? "UNREACHABLE" : "REFUSED", detail, status, status >= 500 || status === 408)
  }
}

function parse(text: string): unknown {
  if (text === "") return null
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function detailOf(text: string): string {
  const answer = parse(text) as { detail?: unknown } | null
  const detail = answer?.detail ?? text
  return (typeof detail === "string" ? detail : JSON.stringify(detail)).slice(0, 1000)
}

/** `fetch` hides what happened one level down. */
function reasonOf(error: Error): string {
  const cause = error.cause as { message?: string; code?: string } | undefined
  return cause?.message || cause?.code || error.message
}

/** Codes of errors that happen before a request leaves. */
const unsent = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
])
const isUnsent = (error: Error): boolean =>
  unsent.has((error.cause as { code?: string } | undefined)?.code ?? "")
