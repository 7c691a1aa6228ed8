import { dmErrorCodes, dmHeaders } from "@ophyd-ts/aps-dm"
import { DmRefusal, messageOf } from "../errors.ts"

/** An answer of the service, ready to be written. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Status headers are on every answer; the first line of the message is all that fits into one. */
const statusHeaders = (code: number, message: string): Record<string, string> => ({
  [dmHeaders.statusCode]: String(code),
  [dmHeaders.statusMessage]: (message.split("\n")[0] ?? "").replace(/[^\x20-\x7e]/g, "?").slice(0, 500),
})

const json = { "Content-Type": "application/json; charset=utf-8" }

export const goodAnswer = (document: unknown, headers: Readonly<Record<string, string>> = {}): Answer => ({
  status: 200,
  headers: { ...json, ...statusHeaders(dmErrorCodes.OK, "Success"), ...headers },
  body: JSON.stringify(document) ?? "null",
})

/** Errors of the application come with HTTP 200; only what concerns the session, or HTTP itself, has another status. */
export function errorAnswer(error: unknown, status?: number): Answer {
  const refusal = error instanceof DmRefusal ? error : new DmRefusal("InternalError", messageOf(error))
  const { type, message } = refusal
  const code = dmErrorCodes[type]
  const session = type === "InvalidSession" || type === "AuthenticationError"
  return {
    status: status ?? (session ? 401 : 200),
    headers: { ...json, ...statusHeaders(code, message), [dmHeaders.exceptionType]: type },
    body: JSON.stringify({ errorCode: code, errorMessage: message, exceptionType: type }),
  }
}

/** What a proxy or a broken web server sends. */
export const htmlAnswer = (status: number): Answer => ({
  status,
  headers: { "Content-Type": "text/html; charset=utf-8" },
  body: `<!DOCTYPE html>\n<html><head><title>${status}</title></head><body><h1>${status}</h1><p>The server met an unexpected condition.</p></body></html>\n`,
})
