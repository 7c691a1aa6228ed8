import type { IncomingMessage, ServerResponse } from "node:http"
import { DmRefusal } from "../errors.ts"
import type { Answer } from "./answer.ts"

export class BodyTooLarge extends DmRefusal {
  constructor(maxBytes: number) {
    super("ServiceLimitExceeded", `the request's body is longer than ${maxBytes} bytes`)
  }
}

/** @throws BodyTooLarge */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBytes) throw new BodyTooLarge(maxBytes)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString("utf8")
}

/** Writes an answer; then the connection is kept, closed, or broken in the middle of the answer. */
export function write(
  response: ServerResponse,
  answer: Answer,
  connection: "keep" | "close" | "break" = "keep",
): void {
  if (response.destroyed) return
  const body = Buffer.from(answer.body, "utf8")
  const close = connection === "close" ? { Connection: "close" } : {}
  response.writeHead(answer.status, { ...answer.headers, "Content-Length": String(body.length), ...close })
  if (connection !== "break") response.end(body)
  else response.write(body.subarray(0, Math.floor(body.length / 2)), () => response.destroy())
}
