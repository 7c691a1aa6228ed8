import { z } from "zod"
import type { DmConfig } from "../config/config.ts"
import { dmServiceNames } from "../config/config.ts"
import {
  AuthenticationError,
  CommunicationError,
  type DmError,
  type DmErrorDetails,
  dmErrorFrom,
  InvalidSession,
  UnexpectedAnswer,
} from "../errors.ts"
import { abortable } from "../time.ts"
import {
  type DmArguments,
  type DmRequest,
  type DmService,
  dmErrorBody,
  dmErrorCodes,
  dmHeaders,
} from "../wire/index.ts"
import { type HttpAnswer, HttpFailure, type HttpTransport } from "./http.ts"
import { Session, SessionKeeper } from "./session.ts"

/** For one call. */
export interface CallOptions {
  /** Seconds; default the configuration's. */
  timeout?: number | undefined
  signal?: AbortSignal | undefined
}

/** One of DM's services: a login session of its own, errors found wherever DM hides them, answers checked. */
export class ServiceClient {
  readonly service: DmService
  readonly #config: DmConfig
  readonly #transport: HttpTransport
  readonly #sessions = new SessionKeeper(() => this.#login())
  /** Seconds by which the service's clock is ahead of ours, as its last answer told. */
  #ahead: number | null = null

  constructor(service: DmService, config: DmConfig, transport: HttpTransport) {
    this.service = service
    this.#config = config
    this.#transport = transport
  }

  /** Seconds since 1970 on the service's clock, to a second; null while no answer has told. */
  get time(): number | null {
    return this.#ahead === null ? null : Date.now() / 1000 + this.#ahead
  }

  /**
   * Makes a call of the route table and reads its answer as `shape`.
   * @throws DmError of the class that the service reports; CommunicationError when it cannot be reached or does not
   * answer as DM does; UnexpectedAnswer when the answer has another shape; the signal's reason.
   */
  async call<T>(call: string, args: DmArguments, shape: z.ZodType<T>, options: CallOptions = {}): Promise<T> {
    const request = this.#config.routes.build(call, args)
    const what = `DM ${dmServiceNames[this.service]} service, ${call}`
    // Others may share the login: the caller's signal ends the wait and not the login.
    let session = await abortable(this.#sessions.get(), options.signal)
    let reply = read(await this.#send(request, session, options), what)
    if (reply.sessionEnded) {
      session = await abortable(this.#sessions.get(session), options.signal)
      reply = read(await this.#send(request, session, options), what)
    }
    session.update(reply.answer.headers)
    if (reply.error !== null) throw reply.error
    const result = shape.safeParse(reply.body)
    if (result.success) return result.data
    const where = result.error.issues[0]
    throw new UnexpectedAnswer(
      `${what}: the answer of ${reply.details.url} is not as expected: ${where?.path.join(".") || "it"}: ${where?.message}`,
      { ...reply.details, cause: result.error },
    )
  }

  async #send(request: DmRequest, session: Session | null, options: CallOptions): Promise<Exchange> {
    const base = this.#config.url(this.service)
    const started = performance.now()
    const url = new URL(base)
    const target = `${url.pathname.replace(/\/$/, "")}${request.target}`
    const shown = `${request.verb} ${url.origin}${target.replace(/\?.*$/s, "")}`
    const details = () => ({ url: shown, elapsed: (performance.now() - started) / 1000 })
    try {
      const answer = await this.#transport.exchange({
        url,
        verb: request.verb,
        target,
        body: request.body,
        timeout: options.timeout ?? this.#config.timeout,
        maxBytes: this.#config.maxResponseBytes,
        signal: options.signal,
        headers: {
          accept: "application/json",
          ...(session === null ? {} : { cookie: session.header }),
          ...(request.body === null ? {} : { "content-type": "application/x-www-form-urlencoded" }),
          ...(request.verb === "GET" ? {} : { "content-length": `${Buffer.byteLength(request.body ?? "")}` }),
        },
      })
      const told = Date.parse(answer.headers.date ?? "")
      if (Number.isFinite(told)) this.#ahead = (told - Date.now()) / 1000
      return { answer, verb: request.verb, details: { ...details(), httpStatus: answer.status } }
    } catch (cause) {
      if (!(cause instanceof HttpFailure)) throw cause
      const { url: where, elapsed } = details()
      throw new CommunicationError(
        `DM ${dmServiceNames[this.service]} service, ${request.route.call}: ${cause.message} (${where}, after ${elapsed.toFixed(1)} s)`,
        { url: where, elapsed, cause, outcomeUnknown: cause.sent && request.verb !== "GET" },
      )
    }
  }

  async #login(): Promise<Session> {
    const { username, password } = this.#config.credentials()
    const request = this.#config.routes.build("login", { username, password })
    const what = `DM ${dmServiceNames[this.service]} service, login of ${username}`
    const { answer, details, error } = read(await this.#send(request, null, {}), what, password)
    if (answer.status === 401 || answer.status === 403) {
      throw new AuthenticationError(`${what}: user name or password refused`, details)
    }
    if (error !== null) throw error
    const role = answer.headers[dmHeaders.sessionRole.toLowerCase()]
    const session = new Session(answer.headers, typeof role === "string" ? role : null)
    if (session.empty) {
      throw new CommunicationError(`${what}: ${details.url} answered without a session cookie`, details)
    }
    return session
  }
}

interface Exchange {
  readonly answer: HttpAnswer
  readonly verb: string
  readonly details: DmErrorDetails & { url: string }
}

interface Reply extends Exchange {
  readonly body: unknown
  readonly error: DmError | null
  readonly sessionEnded: boolean
}

/**
 * What an answer means. The HTTP status 401 and DM's error 12 end a session; DM reports its errors at HTTP 200; what
 * is
 * neither DM's error nor JSON came from something else on the way. `secret` is kept out of the messages.
 */
function read(exchange: Exchange, what: string, secret = ""): Reply {
  const { answer, details, verb } = exchange
  const hide = (text: string) => (secret === "" ? text : text.replaceAll(secret, "***"))
  const body = parseJson(answer.text)
  let error = reportedError(answer, body, text => hide(`${what}: ${text}`), details)
  const sessionEnded = answer.status === 401 || error instanceof InvalidSession
  if (answer.status === 401) error = new InvalidSession(`${what}: refused also after a new login`, details)
  if (error === null && (answer.status < 200 || answer.status > 299 || body === undefined)) {
    const outcomeUnknown = verb !== "GET" && (answer.status >= 500 || answer.status < 300)
    const message = hide(`${what}: ${strange(answer)}, from ${details.url}`)
    error = new CommunicationError(message, { ...details, outcomeUnknown })
  }
  return { ...exchange, body, error, sessionEnded }
}

function reportedInHeaders({ headers }: HttpAnswer) {
  const text = (name: string): string | undefined => {
    const value = headers[name.toLowerCase()]
    return typeof value === "string" && value !== "" ? value : undefined
  }
  const number = Number(text(dmHeaders.statusCode) ?? 0)
  return {
    number: Number.isInteger(number) && number !== 0 ? number : undefined,
    name: text(dmHeaders.exceptionType),
    message: text(dmHeaders.statusMessage),
  }
}

/**
 * Headers first, then the body's `errorCode`. An `errorMessage` without `errorCode` is none: a failed job has one.
 */
function reportedError(
  answer: HttpAnswer,
  body: unknown,
  say: (text: string) => string,
  details: DmErrorDetails,
): DmError | null {
  const header = reportedInHeaders(answer)
  const parsed = Array.isArray(body) ? undefined : dmErrorBody.safeParse(body)
  const inBody = parsed?.success && parsed.data.errorCode !== dmErrorCodes.OK ? parsed.data : undefined
  if (header.number === undefined && header.name === undefined && inBody === undefined) return null
  const number = header.number ?? inBody?.errorCode
  const text = z.looseObject({ errorMessage: z.string() }).safeParse(body).data?.errorMessage
  const message = text ?? header.message ?? "no message"
  return dmErrorFrom(
    { number, name: header.name ?? inBody?.exceptionType },
    say(`${message.slice(0, 2000)}${number === undefined ? "" : ` (DM code ${number})`}`),
    details,
  )
}

/** JSON value of a body, null when it is empty, undefined when it is no JSON. */
function parseJson(text: string): unknown {
  if (text.trim() === "") return null
  try {
    return JSON.parse(text.replace(/^\ufeff/, ""))
  } catch {
    return undefined
  }
}

/** An answer that DM itself would not give, in a few words. */
function strange({ status, headers, text }: HttpAnswer): string {
  const type = headers["content-type"]?.split(";")[0] ?? "no content type"
  const start = text
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, 120)
  const unreadable = type === "application/json" && parseJson(text) === undefined ? ", but no JSON" : ""
  // Such as a proxy's page to log in. Its query may hold anything.
  const elsewhere =
    status >= 300 && status < 400 ? headers.location?.replace(/[?#].*$/s, "").slice(0, 200) : undefined
  const to = elsewhere === undefined ? "" : `, which leads to ${elsewhere}`
  return `HTTP status ${status}, ${type}${unreadable}${start === "" ? "" : ` ("${start}")`}${to}`
}
