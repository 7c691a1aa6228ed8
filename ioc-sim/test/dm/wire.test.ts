import { connect } from "node:net"
import { dmEncode } from "@ophyd-ts/aps-dm"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { cookieOf, login, raw, startSim } from "./support.ts"

/** A service, and requests to it with a session. */
async function startWire() {
  const { dm } = await startSim({ ports: "one" })
  const Cookie = cookieOf(await login(dm.urls.ds))
  const send = (
    verb: string,
    target: string,
    options: { headers?: Record<string, string>; body?: string } = {},
  ) => raw(dm.urls.ds, verb, target, { ...options, headers: { Cookie, ...options.headers } })
  return { dm, send }
}

const once = (text: string) => Buffer.from(text, "utf8").toString("base64")
const flat = once(once("tomo-2026-1"))

describe("the wire", () => {
  it.each([
    ["as the vendor's Python client writes it", dmEncode("tomo-2026-1")],
    ["percent-coded", encodeURIComponent(dmEncode("tomo-2026-1")).replaceAll("'", "%27")],
    ["without inner line ends", `b'${flat}'`],
    ["without b and quotes", flat],
  ])("accepts an encoded argument %s", async (_, name) => {
    const { send } = await startWire()
    const answer = await send("GET", `/dm/experimentsByName/${name}/255IDZ`)
    expect(JSON.parse(answer.body)).toMatchObject({ name: "tomo-2026-1" })
    expect(answer.headers).toMatchObject({ "dm-status-code": "0", "dm-status-message": "Success" })
    expect(answer.headers["dm-exception-type"]).toBeUndefined()
  })

  it.each(["b'%%%'", "b'YQ=='", "tomo-2026-1", `b'${once("\u0000\u0001")}'`, "b'ZZZ'"])(
    "refuses the argument %s with InvalidArgument at HTTP 200",
    async name => {
      const { send } = await startWire()
      const answer = await send("GET", `/dm/experimentsByName/${name}/255IDZ`)
      expect(answer.status).toBe(200)
      expect(answer.headers).toMatchObject({ "dm-status-code": "10", "dm-exception-type": "InvalidArgument" })
      expect(JSON.parse(answer.body)).toMatchObject({ errorCode: 10 })
    },
  )

  it("takes JSON arguments raw and percent-coded, with any spacing, with any or no content type", async () => {
    const { send } = await startWire()
    for (const text of ["{}", "{ }", '{"name":"x"}', '{"name": "x"}']) {
      for (const value of [dmEncode(text), encodeURIComponent(dmEncode(text)).replaceAll("'", "%27")]) {
        const answer = await send("GET", `/dm/workflowsByOwner/s255user?queryDict=${value}`, {
          headers: { "Content-Type": "html" },
        })
        expect(JSON.parse(answer.body)).toEqual([])
      }
    }
    expect(
      (await send("GET", `/dm/workflowsByOwner/s255user?queryDict=${dmEncode("{")}`)).headers,
    ).toMatchObject({
      "dm-exception-type": "InvalidArgument",
    })
  })

  it("answers an unknown route or verb with 404 and still with DM's headers", async () => {
    const { send } = await startWire()
    const requests = [
      ["GET", "/"],
      ["GET", "/dm"],
      ["GET", "/dm/nothing"],
      ["PATCH", "/dm/daqs"],
      ["GET", "/other/daqs"],
    ] as const
    for (const [verb, target] of requests) {
      const answer = await send(verb, target)
      expect([answer.status, answer.headers["dm-exception-type"]]).toEqual([404, "UrlError"])
    }
  })

  it("limits what it reads", async () => {
    const { dm, send } = await startWire()
    expect((await send("GET", `/dm/daqs?x=${"y".repeat(70_000)}`)).status).toBe(431)
    expect((await send("POST", "/dm/login", { body: "x".repeat(70_000) })).status).toBe(413)
    expect((await login(dm.urls.ds)).status).toBe(200)
  })

  it("survives whatever bytes arrive", async () => {
    const { dm } = await startWire()
    const { hostname, port } = new URL(dm.urls.ds)
    const throwAt = (bytes: Uint8Array) =>
      new Promise<void>(resolve => {
        const socket = connect({ host: hostname, port: Number(port) }, () => socket.end(bytes))
        socket.on("error", () => {})
        socket.on("close", () => resolve())
        socket.resume()
      })
    const head = "GET /dm/daqs HTTP/1.1\r\nHost: x\r\n"
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string({ maxLength: 50 }).map(text => Buffer.from(`${head}${text}\r\n\r\n`)),
      fc.string({ maxLength: 50 }).map(text => Buffer.from(`GET /dm/${text} HTTP/1.1\r\nHost: x\r\n\r\n`)),
    )
    await fc.assert(fc.asyncProperty(bytes, throwAt), { numRuns: 150 })
    expect((await login(dm.urls.ds)).status).toBe(200)
  })
})
