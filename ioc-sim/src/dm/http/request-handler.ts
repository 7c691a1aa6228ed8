import type { IncomingMessage, ServerResponse } from "node:http"
import {
  DmEncodingError,
  type DmMatch,
  type DmRoutes,
  type DmService,
  dmErrorCodes,
  dmHeaders,
} from "@ophyd-ts/aps-dm"
import type { Clock } from "@ophyd-ts/core"
import type { CallTable } from "../calls.ts"
import { DmRefusal } from "../errors.ts"
import type { DmFault, Faults } from "../faults.ts"
import type { RequestLog } from "../request-log.ts"
import type { Sessions } from "../sessions.ts"
import { type Answer, errorAnswer, goodAnswer, htmlAnswer } from "./answer.ts"
import { BodyTooLarge, readBody, write } from "./exchange.ts"

export interface RequestHandlerOptions {
  /** The service of this port; undefined when one port serves all. */
  readonly service: DmService | undefined
  readonly routes: DmRoutes
  readonly calls: CallTable
  readonly sessions: Sessions
  readonly faults: Faults
  readonly clock: Clock
  readonly log: RequestLog
  readonly maxBodyBytes: number
  readonly onProblem: (error: unknown) => void
}

type Matched = DmMatch | { readonly error: unknown; readonly status?: number }

/** Turns requests of one port into answers. Nothing that a peer sends makes it throw. */
export class RequestHandler {
  readonly #options: RequestHandlerOptions

  constructor(options: RequestHandlerOptions) {
    this.#options = options
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    this.#handle(request, response).catch(error => {
      response.destroy()
      if (!request.destroyed && request.complete) this.#options.onProblem(error)
    })
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body: string
    try {
      body = await readBody(request, this.#options.maxBodyBytes)
    } catch (error) {
      if (!(error instanceof BodyTooLarge)) throw error
      write(response, errorAnswer(error, 413), "close")
      return
    }
    const verb = request.method ?? ""
    const matched = this.#match(verb, request.url ?? "", body)
    const call = "route" in matched ? matched.route.call : ""
    const faults = this.#options.faults.take(this.#options.service ?? "any", call)
    for (const fault of faults) {
      if (fault.kind === "delay") await this.#delay(fault.seconds, response)
    }
    if (response.destroyed) return
    if (has(faults, "dropRequest")) {
      this.#note(verb, call, "dropped")
      response.destroy()
      return
    }
    const answer = faulty(faults) ?? (await this.#answer(request, matched, faults))
    this.#note(verb, call, answer)
    response.setHeader("Date", new Date(this.#options.clock.time() * 1000).toUTCString())
    write(response, answer, has(faults, "dropAnswer") ? "break" : "keep")
  }

  #match(verb: string, target: string, body: string): Matched {
    const { routes, service } = this.#options
    try {
      const match = routes.match(verb, target, { ...(service === undefined ? {} : { service }), body })
      if (match !== null) return match
      return {
        error: new DmRefusal("UrlError", `${verb} ${target.slice(0, 200)}: no such route`),
        status: 404,
      }
    } catch (error) {
      if (!(error instanceof DmEncodingError)) throw error
      return { error: new DmRefusal("InvalidArgument", error.message, { cause: error }) }
    }
  }

  async #answer(request: IncomingMessage, matched: Matched, faults: readonly DmFault[]): Promise<Answer> {
    try {
      if ("route" in matched && matched.route.call === "login") return this.#login(matched)
      const user = this.#options.sessions.user(request.headers.cookie)
      if ("error" in matched) return errorAnswer(matched.error, matched.status)
      const call = this.#options.calls[matched.route.call]
      if (call === undefined) {
        throw new DmRefusal(
          "InvalidRequest",
          `the simulated service does not know the call ${matched.route.call}`,
        )
      }
      let document = await call(matched.args, user)
      for (const fault of faults) {
        if (fault.kind === "change") document = fault.change(structuredClone(document))
      }
      return goodAnswer(document)
    } catch (error) {
      if (!(error instanceof DmRefusal)) this.#options.onProblem(error)
      return errorAnswer(error)
    }
  }

  #login({ args }: DmMatch): Answer {
    const { cookie, user } = this.#options.sessions.login(args.username, args.password)
    const document = { username: user.username, role: user.role ?? "user" }
    return goodAnswer(document, { "Set-Cookie": cookie, [dmHeaders.sessionRole]: document.role })
  }

  #delay(seconds: number, response: ServerResponse): Promise<void> {
    return new Promise(resolve => {
      const stop = this.#options.clock.after(seconds, resolve)
      response.once("close", () => {
        stop()
        resolve()
      })
    })
  }

  #note(verb: string, call: string, answer: Answer | "dropped"): void {
    const { log, service, clock } = this.#options
    const dropped = answer === "dropped"
    log.add({
      time: clock.time(),
      service: service ?? "any",
      verb,
      call,
      status: dropped ? 0 : answer.status,
      dmStatusCode: dropped
        ? dmErrorCodes.CommunicationError
        : Number(answer.headers[dmHeaders.statusCode] ?? -1),
    })
  }
}

const has = (faults: readonly DmFault[], kind: DmFault["kind"]): boolean => faults.some(f => f.kind === kind)

/** The answer that a fault gives in place of the work. */
function faulty(faults: readonly DmFault[]): Answer | undefined {
  for (const fault of faults) {
    if (fault.kind === "html") return htmlAnswer(fault.status ?? 500)
    if (fault.kind === "unauthorized")
      return errorAnswer(new DmRefusal("InvalidSession", "the session has ended"))
    if (fault.kind === "refuse")
      return errorAnswer(new DmRefusal(fault.type, fault.message ?? `${fault.type} on demand`))
  }
  return undefined
}
