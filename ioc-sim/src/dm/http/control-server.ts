import type { IncomingMessage, ServerResponse } from "node:http"
import { dmErrorCodes, dmServices } from "@ophyd-ts/aps-dm"
import type { DmControl } from "../control.ts"
import { countIn, type Doc, isDoc, optionalTextIn, textIn } from "../documents.ts"
import { DmRefusal } from "../errors.ts"
import type { DmFault } from "../faults.ts"
import type { CommandRule } from "../processing/commands.ts"
import type { FileFault } from "../transfer/file-faults.ts"
import { type Answer, errorAnswer, goodAnswer } from "./answer.ts"
import { readBody, write } from "./exchange.ts"
import { Listener } from "./listener.ts"

type Action = (control: DmControl, body: Doc) => unknown

const reports: Readonly<Record<string, (control: DmControl) => unknown>> = {
  requests: control => control.requests,
  jobs: control => control.jobs,
  problems: control => control.problems.map(problem => problem.message),
}

const actions: Readonly<Record<string, Action>> = {
  fault: (control, body) => control.fault(faultIn(body)),
  failFile: (control, body) => control.failFile(fileFaultIn(body)),
  clearFaults: control => control.clearFaults(),
  expireSessions: (control, body) => control.expireSessions(serviceIn(body)),
  awayFor: (control, body) => control.awayFor(countIn(body, "seconds", 10, "awayFor"), serviceIn(body)),
  abortJob: (control, body) => control.abortJob(textIn(body, "id", "abortJob")),
  skipJob: (control, body) => control.skipJob(textIn(body, "id", "skipJob")),
  vanishJob: (control, body) => control.vanishJob(textIn(body, "id", "vanishJob")),
  freezeJob: (control, body) =>
    control.freezeJob(textIn(body, "id", "freezeJob"), isDoc(body.changes) ? body.changes : {}),
  play: (control, body) => control.play(ruleIn(body)),
}

/**
 * The control of a running service for programs in other processes and languages, on a port of its own:
 * `GET /requests`, and `POST /fault` with `{"kind": "html", "call": "listDaqs"}` and so on, as JSON.
 */
export async function openControl(
  control: DmControl,
  options: { host: string; port: number },
): Promise<Listener> {
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    answer(control, request).then(
      reply => write(response, reply),
      () => response.destroy(),
    )
  }
  const listener = new Listener({ ...options, maxHeaderBytes: 16_384, onRequest })
  await listener.open()
  return listener
}

async function answer(control: DmControl, request: IncomingMessage): Promise<Answer> {
  const name = (request.url ?? "").slice(1)
  const text = await readBody(request, 1_048_576)
  try {
    if (request.method === "GET" && Object.hasOwn(reports, name)) return goodAnswer(reports[name]?.(control))
    if (request.method !== "POST" || !Object.hasOwn(actions, name)) {
      const known = `GET ${Object.keys(reports).join(", ")}; POST ${Object.keys(actions).join(", ")}`
      return errorAnswer(new DmRefusal("UrlError", `no such control. There are: ${known}`), 404)
    }
    // A page in a browser cannot send this type to another origin without asking.
    if (request.headers["content-type"]?.startsWith("application/json") !== true) {
      throw new DmRefusal("InvalidRequest", "the content type must be application/json")
    }
    await actions[name]?.(control, documentIn(text))
    return goodAnswer({})
  } catch (error) {
    return errorAnswer(error, 400)
  }
}

function documentIn(text: string): Doc {
  let body: unknown
  try {
    body = JSON.parse(text === "" ? "{}" : text)
  } catch (cause) {
    throw new DmRefusal("InvalidArgument", "the body is not JSON", { cause })
  }
  if (!isDoc(body)) throw new DmRefusal("InvalidArgument", "the body must be a JSON object")
  return body
}

const kinds = ["delay", "dropRequest", "dropAnswer", "html", "unauthorized", "refuse"]

function faultIn(body: Doc): DmFault {
  const kind = textIn(body, "kind", "fault")
  if (!kinds.includes(kind))
    throw new DmRefusal("InvalidArgument", `fault: kind must be one of ${kinds.join(", ")}`)
  const call = optionalTextIn(body, "call", "fault")
  const service = serviceIn(body)
  const common = {
    times: countIn(body, "times", 1, "fault"),
    ...(call === undefined ? {} : { call }),
    ...(service === undefined ? {} : { service }),
  }
  switch (kind) {
    case "delay":
      return { ...common, kind, seconds: countIn(body, "seconds", 1, "fault") }
    case "html":
      return { ...common, kind, status: Math.min(599, Math.max(200, countIn(body, "status", 500, "fault"))) }
    case "refuse":
      return {
        ...common,
        kind,
        type: errorTypeIn(body),
        message: optionalTextIn(body, "message", "fault") ?? "on demand",
      }
    default:
      return { ...common, kind: kind as "dropRequest" | "dropAnswer" | "unauthorized" }
  }
}

function fileFaultIn(body: Doc): FileFault {
  const message = optionalTextIn(body, "message", "failFile")
  return {
    file: textIn(body, "file", "failFile"),
    times: countIn(body, "times", 1, "failFile"),
    ...(message === undefined ? {} : { message }),
  }
}

function errorTypeIn(body: Doc): Extract<DmFault, { kind: "refuse" }>["type"] {
  const type = textIn(body, "type", "fault")
  if (type === "OK" || !Object.hasOwn(dmErrorCodes, type)) {
    throw new DmRefusal("InvalidArgument", `fault: "${type}" is not the name of a DM error`)
  }
  return type as Exclude<keyof typeof dmErrorCodes, "OK">
}

function ruleIn(body: Doc): CommandRule {
  const keys = ["workflow", "stage", "command"] as const
  const conditions = keys.flatMap(key => {
    const value = optionalTextIn(body, key, "play")
    return value === undefined ? [] : [[key, value]]
  })
  const play = {
    exitStatus: countIn(body, "exitStatus", 0, "play"),
    seconds: countIn(body, "seconds", 0, "play"),
    stdOut: optionalTextIn(body, "stdOut", "play") ?? "",
    stdErr: optionalTextIn(body, "stdErr", "play") ?? "",
  }
  return { ...Object.fromEntries(conditions), play }
}

function serviceIn(body: Doc): (typeof dmServices)[number] | undefined {
  const service = optionalTextIn(body, "service", "service")
  const found = dmServices.find(s => s === service)
  if (service !== undefined && found === undefined) {
    throw new DmRefusal("InvalidArgument", `service must be one of ${dmServices.join(", ")}`)
  }
  return found
}
