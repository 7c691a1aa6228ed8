import { createServer, type IncomingMessage, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { type Rows, readArrow } from "./read-arrow.ts"

/** What happens to a request: it is refused, its connection breaks before or after it was carried out, nothing is answered. */
export type Fault = number | "before" | "after" | "silence"

export interface Request {
  method: string
  endpoint: string
  path: string
  key: string | undefined
}

/** What is posted to make a node. */
interface NewNode {
  id: string
  structure_family: string
  metadata: Record<string, unknown>
  specs: unknown
  data_sources: unknown[]
}

interface Node {
  family: string
  metadata: Record<string, unknown>
  specs: unknown
  source: unknown
  rows: Rows
  bytes: number
  closed: boolean
}

/** Enough of a Tiled server's HTTP interface to be written to, with faults when the test asks for them. */
export class FakeTiled implements AsyncDisposable {
  readonly nodes = new Map<string, Node>()
  readonly requests: Request[] = []
  /** Asked for each request. */
  fault: (request: Request) => Fault | null = () => null
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(): Promise<FakeTiled> {
    const server = createServer()
    await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve))
    const fake = new FakeTiled(server)
    server.on("request", async (message, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of message) chunks.push(chunk as Buffer)
      const request = parse(message)
      fake.requests.push(request)
      const fault = fake.fault(request)
      if (fault === "before") return message.socket.destroy()
      if (fault === "silence") return
      if (typeof fault === "number")
        return response.writeHead(fault).end(JSON.stringify({ detail: `said ${fault}` }))
      const [status, answer] = fake.#carryOut(request, Buffer.concat(chunks))
      if (fault === "after") return message.socket.destroy()
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer))
    })
    return fake
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  node(...path: string[]): Node | undefined {
    return this.nodes.get(path.join("/"))
  }

  /** Numbers of the events of a stream. */
  numbers(run: string, stream = "primary"): number[] {
    return (this.node(run, stream, "internal")?.rows ?? []).map(row => Number(row["seq_num"]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise(resolve => this.#server.close(resolve))
  }

  #carryOut({ method, endpoint, path }: Request, body: Buffer): [status: number, answer: unknown] {
    const node = this.nodes.get(path)
    const verb = `${method} ${endpoint}`
    if (verb === "POST metadata" || verb === "POST register") {
      const { id, structure_family, metadata, specs, data_sources } = JSON.parse(body.toString()) as NewNode
      const at = path === "" ? id : `${path}/${id}`
      if (this.nodes.has(at)) return [409, { detail: "it exists" }]
      this.nodes.set(at, {
        family: structure_family,
        metadata,
        specs,
        source: data_sources[0],
        rows: [],
        bytes: 0,
        closed: false,
      })
      return [200, { id }]
    }
    if (node === undefined) return [404, { detail: "no such node" }]
    switch (verb) {
      case "PATCH table/partition":
        node.rows.push(...readArrow(body))
        return [200, null]
      case "GET table/partition":
        return [200, { seq_num: node.rows.map(row => Number(row["seq_num"])) }]
      case "PUT array/full":
        node.bytes = body.length
        return [200, null]
      case "PATCH array/full":
        node.bytes += body.length
        return [200, {}]
      case "PATCH metadata": {
        const { metadata } = JSON.parse(body.toString()) as { metadata: { path: string; value: unknown }[] }
        for (const { path: at, value } of metadata) node.metadata[at.slice(1)] = value
        return [200, {}]
      }
      case "GET metadata":
        return [200, { data: { attributes: { data_sources: [{ id: 7 }] } } }]
      case "PUT data_source":
        node.source = (JSON.parse(body.toString()) as { data_source: unknown }).data_source
        return [200, null]
      case "DELETE stream/close":
        node.closed = true
        return [200, null]
      case "DELETE metadata":
        for (const at of [...this.nodes.keys()])
          if (at === path || at.startsWith(`${path}/`)) this.nodes.delete(at)
        return [200, null]
      default:
        return [405, { detail: verb }]
    }
  }
}

function parse(message: IncomingMessage): Request {
  const [path = ""] = (message.url ?? "").split("?")
  const [, endpoint = "", rest = ""] =
    /^\/api\/v1\/(metadata|register|data_source|(?:table|array|stream)\/\w+)\/(.*)$/.exec(path) ?? []
  return {
    method: message.method ?? "",
    endpoint,
    path: decodeURIComponent(rest),
    key: message.headers.authorization,
  }
}
