import { type AddressInfo, createServer } from "node:net"
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest"
import {
  DmClient as Client,
  CommunicationError,
  type DmClient,
  DmError,
  DmRoutes,
  dmConfig,
} from "../src/index.ts"
import { send, TinyService } from "./support/tiny-service.ts"

let service: TinyService
let dm: DmClient

beforeEach(async () => {
  service = await TinyService.start()
  dm = service.client()
})
afterEach(async () => {
  dm.close()
  await service.close()
})

/** What went wrong, without waiting for a matcher. */
const failure = async (promise: Promise<unknown>): Promise<DmError> => {
  const error = await promise.then(
    value => new Error(`it gave ${JSON.stringify(value)}`),
    reason => reason,
  )
  if (!(error instanceof DmError)) throw error
  return error
}

describe("a session", () => {
  it("is opened at the first call and used for the next ones, with every cookie, whatever date it bears, but without attributes", async () => {
    service.answer = (_, response) => send(response, [])
    await dm.daq.listDaqs()
    await dm.daq.listUploads()
    expect(service.seen.map(({ verb, target, cookie }) => [verb, target, cookie])).toEqual([
      ["POST", "/dm/login", undefined],
      ["GET", "/dm/daqs", "session_id=1; other=1"],
      ["GET", "/dm/uploads", "session_id=1; other=1"],
    ])
    expect(service.seen[0]?.body).toBe("username=s255user&password=s3cret%2Fword")
  })

  it("is one per service", async () => {
    service.answer = (_, response) => send(response, [])
    await Promise.all([dm.daq.listDaqs(), dm.proc.listWorkflows("s255user")])
    expect(service.logins).toBe(2)
  })

  it("is opened once for all who ask at the same time", async () => {
    service.answer = (_, response) => send(response, [])
    await Promise.all(Array.from({ length: 50 }, () => dm.daq.listDaqs()))
    expect(service.logins).toBe(1)
  })

  it("that ended is opened again, once for all, and each call is repeated once", async () => {
    service.answer = (_, response) => send(response, [])
    await dm.daq.listDaqs()
    service.sessions.clear()
    await Promise.all(Array.from({ length: 20 }, () => dm.daq.listDaqs()))
    expect(service.logins).toBe(2)
  })

  it("is opened again also when the service tells of its end at HTTP 200", async () => {
    let told = false
    service.answer = (_, response) => {
      if (told) return send(response, [])
      told = true
      send(response, { errorCode: 12, errorMessage: "expired" })
    }
    expect(await dm.daq.listDaqs()).toEqual([])
    expect(service.logins).toBe(2)
  })

  it("that is refused again and again ends in one error, after one repetition", async () => {
    service.answer = (_, response) => {
      response.statusCode = 401
      response.end()
    }
    expect(await failure(dm.daq.listDaqs())).toMatchObject({ code: "InvalidSession", httpStatus: 401 })
    expect([service.logins, service.calls.length]).toEqual([2, 2])
  })

  it("takes over a cookie that the service renews", async () => {
    service.answer = (_, response) => {
      response.setHeader("Set-Cookie", "other=2; Path=/")
      send(response, [])
    }
    await dm.daq.listDaqs()
    await dm.daq.listDaqs()
    expect(service.calls.map(call => call.cookie)).toEqual(["session_id=1; other=1", "session_id=1; other=2"])
  })

  it("needs a login that says so: refused, broken and without cookie are different errors", async () => {
    service.login = (_, response) => {
      response.statusCode = 401
      response.end()
    }
    expect(await failure(dm.daq.listDaqs())).toMatchObject({ code: "AuthenticationError" })
    service.login = (_, response) =>
      send(response, { errorCode: 6, errorMessage: "password s3cret/word is wrong" })
    const refused = await failure(dm.daq.listDaqs())
    expect(refused).toMatchObject({ code: "AuthenticationError", number: 6 })
    expect(refused.message).toContain("password *** is wrong")
    service.login = (_, response) => send(response, {})
    expect(await failure(dm.daq.listDaqs())).toMatchObject({
      message: expect.stringContaining("without a session cookie"),
    })
  })

  it("can be waited for with less patience, without disturbing others who wait for it", async () => {
    service.answer = (_, response) => send(response, [])
    const patience = new AbortController()
    const open = new Promise<() => void>(resolve => {
      service.login = (_, response) =>
        resolve(() => {
          response.setHeader("Set-Cookie", "session_id=x")
          service.sessions.add("session_id=x")
          send(response, {})
        })
    })
    const impatient = dm.daq.listDaqs({ signal: patience.signal })
    const patient = dm.daq.listDaqs()
    const answerLogin = await open
    patience.abort(new Error("enough"))
    await expect(impatient).rejects.toThrow("enough")
    answerLogin()
    expect(await patient).toEqual([])
  })
})

describe("an error of DM", () => {
  it.each([
    [
      "headers and body",
      { "Dm-Status-Code": "14", "Dm-Exception-Type": "ObjectNotFound" },
      { errorCode: 14, errorMessage: "gone" },
      "ObjectNotFound",
      14,
    ],
    ["headers alone", { "Dm-Status-Code": "5", "Dm-Status-Message": "gone" }, null, "AuthorizationError", 5],
    [
      "the exception's name alone",
      { "Dm-Exception-Type": "ObjectAlreadyExists", "Dm-Status-Message": "gone" },
      {},
      "ObjectAlreadyExists",
      15,
    ],
    ["the body alone", {}, { errorCode: 10, errorMessage: "gone" }, "InvalidArgument", 10],
    ["the body, its number as text", {}, { errorCode: "11", errorMessage: "gone" }, "InvalidRequest", 11],
    [
      "an unknown number",
      { "Dm-Status-Code": "21" },
      { errorCode: 21, errorMessage: "gone" },
      "DmException",
      21,
    ],
    [
      "an unknown name",
      { "Dm-Status-Code": "7", "Dm-Exception-Type": "Odd" },
      { errorMessage: "gone" },
      "DbError",
      7,
    ],
  ])("at HTTP 200 is found in %s", async (_, headers, body, code, number) => {
    service.answer = (_, response) => send(response, body, headers)
    const error = await failure(dm.ds.getExperimentByName("e 1"))
    expect(error).toMatchObject({ code, number, httpStatus: 200 })
    expect(error.message).toContain("gone")
    expect(error.message).toContain("data storage service, getExperimentByName")
  })

  it("is not the error message of a failed job", async () => {
    service.answer = (_, response) =>
      send(response, { id: "j", status: "failed", errorMessage: "Invalid input" })
    expect(await dm.proc.getProcessingJobById("s255user", "j")).toMatchObject({
      errorMessage: "Invalid input",
    })
  })

  it("is not looked for in a list", async () => {
    service.answer = (_, response) => send(response, [{ id: "1", errorCode: 14 }])
    expect(await dm.daq.listDaqs()).toHaveLength(1)
  })

  it("is kept apart from an answer of another shape", async () => {
    service.answer = (_, response) => send(response, [{ status: "running" }, 3])
    expect(await failure(dm.daq.listDaqs())).toMatchObject({
      code: "UnexpectedAnswer",
      message: expect.stringContaining("0.id"),
    })
  })
})

describe("an answer with odd members", () => {
  it("keeps what it knows and what it does not, and drops what has a wrong type", async () => {
    service.answer = (_, response) =>
      send(response, {
        id: "j",
        status: "running",
        runTime: "soon",
        extra: { a: 1 },
        workflow: {
          stages: {
            "01": { childProcesses: { "0": { stdOut: null, exitStatus: null, status: "running" } } },
          },
        },
      })
    expect(await dm.proc.getProcessingJobById("s255user", "j")).toEqual({
      id: "j",
      status: "running",
      runTime: undefined,
      extra: { a: 1 },
      workflow: {
        stages: {
          "01": { childProcesses: { "0": { stdOut: undefined, exitStatus: undefined, status: "running" } } },
        },
      },
    })
  })
})

describe("an answer that does not come from DM", () => {
  it("HTML with status 500 says what came, from where", async () => {
    service.answer = (_, response) => {
      response.statusCode = 500
      response.setHeader("Content-Type", "text/html")
      response.end("<html><body><h1>Proxy</h1> is tired</body></html>")
    }
    const error = await failure(dm.daq.listDaqs())
    expect(error).toMatchObject({
      code: "CommunicationError",
      httpStatus: 500,
      url: `GET ${service.url}/dm/daqs`,
    })
    expect(error.message).toContain('HTTP status 500, text/html ("Proxy is tired")')
    expect(await failure(dm.daq.upload("e", "/d"))).toMatchObject({ outcomeUnknown: true })
  })

  it("HTML with status 200 is an error too", async () => {
    service.answer = (_, response) => {
      response.end("<html>log in here</html>")
    }
    expect(await failure(dm.daq.listDaqs())).toMatchObject({ code: "CommunicationError", httpStatus: 200 })
  })

  it("an answer that is cut off fails, and says that a submission may have happened", async () => {
    service.answer = (_, response) => {
      response.setHeader("Content-Length", "1000")
      response.write('{"id":')
      response.socket?.destroy()
    }
    expect(await failure(dm.daq.upload("e", "/d"))).toMatchObject({
      code: "CommunicationError",
      outcomeUnknown: true,
    })
    expect(service.calls).toHaveLength(1)
  })

  it("no answer ends at the call's timeout, with the service and the time in the message", async () => {
    service.answer = () => {}
    const error = await failure(dm.daq.upload("e", "/d", {}, { timeout: 0.1 }))
    expect(error).toMatchObject({ code: "CommunicationError", outcomeUnknown: true })
    expect(error.message).toMatch(
      /data acquisition service, upload: no complete answer within 0.1 s .*after 0\.\d s/,
    )
  })

  it("an answer beyond the limit is not collected", async () => {
    dm.close()
    dm = service.client({ maxResponseBytes: 1000 })
    service.answer = (_, response) => send(response, "x".repeat(2000))
    expect((await failure(dm.daq.listDaqs())).message).toContain("larger than 1000 bytes")
  })

  it("a connection that was kept too long is opened anew, without anyone noticing", async () => {
    let calls = 0
    service.answer = (_, response) => {
      calls += 1
      if (calls === 2) response.socket?.destroy()
      else send(response, [])
    }
    await dm.daq.listDaqs()
    expect(await dm.daq.listDaqs()).toEqual([])
    expect(calls).toBe(3)
  })
})

describe("a service that is away", () => {
  it("gives one error with service, address and cause, and knows that nothing has happened", async () => {
    const { url } = service
    await service.close()
    const error = await failure(dm.daq.startDaq("e", "/d"))
    expect(error).toMatchObject({ code: "CommunicationError", outcomeUnknown: false })
    expect(error.message).toMatch(
      /data acquisition service, login: connection refused \(POST .*\/dm\/login, after/,
    )
    expect(error.message).toContain(url)
    expect(error.cause).toMatchObject({ cause: { code: "ECONNREFUSED" } })
    service = await TinyService.start()
  })

  it("because something else answers there, says what may be meant", async () => {
    const greeter = createServer(socket => {
      socket.on("error", () => {})
      socket.end("220 another.example ready\r\n")
    })
    await new Promise<void>(resolve => void greeter.listen(0, "127.0.0.1", resolve))
    onTestFinished(() => void greeter.close())
    const { port } = greeter.address() as AddressInfo
    const account = { station: "S", username: "u", password: "p" }
    for (const [url, what] of [
      [`https://127.0.0.1:${port}`, "TLS: http:// in place of https://"],
      [`http://127.0.0.1:${port}`, "HTTP: https:// in place of http://"],
    ] as const) {
      const client = new Client(dmConfig.from({ ...account, urls: { proc: url } }))
      onTestFinished(() => client.close())
      expect((await failure(client.proc.listWorkflows("u"))).message).toContain(`does not speak ${what}`)
    }
  })

  it("that has no address is a matter of configuration, named by its variable", async () => {
    const none = new Client(dmConfig.from({ station: "S", username: "u", password: "p" }))
    expect(await failure(none.proc.listWorkflows("u"))).toMatchObject({
      code: "ConfigurationError",
      message: expect.stringContaining("DM_PROC_WEB_SERVICE_URL"),
    })
  })
})

describe("a call", () => {
  it("ends with the signal's reason when it is aborted, before or after it went out", async () => {
    const reached = new Promise<void>(resolve => {
      service.answer = () => resolve()
    })
    const stop = new AbortController()
    const call = dm.daq.listDaqs({ signal: stop.signal })
    await reached
    stop.abort(new Error("no more"))
    await expect(call).rejects.toThrow("no more")
    await expect(dm.daq.listUploads({ signal: stop.signal })).rejects.toThrow("no more")
    expect(service.calls).toHaveLength(1)
  })

  it("fails when the client is closed meanwhile, and so does any later one", async () => {
    const reached = new Promise<void>(resolve => {
      service.answer = () => resolve()
    })
    const call = failure(dm.daq.listDaqs())
    await reached
    dm.close()
    expect(await call).toBeInstanceOf(CommunicationError)
    expect((await failure(dm.daq.listDaqs())).message).toContain("the client was closed")
  })

  it("goes to services behind a path, with or without /dm at its end", async () => {
    service.answer = (_, response) => send(response, [])
    for (const end of ["", "/", "/dm", "/dm/"]) {
      const client = service.client({ urls: { daq: `${service.url}${end}` } })
      await client.daq.listDaqs()
      client.close()
    }
    expect(new Set(service.calls.map(call => call.target))).toEqual(new Set(["/dm/daqs"]))
  })

  it("writes path and query raw, as the vendor's client does", async () => {
    service.answer = (_, response) => send(response, { id: "1", status: "running" })
    await dm.daq.startDaq("example-01", "{}", {})
    expect(service.calls[0]?.target).toBe(
      "/dm/experimentsByName/b'WlhoaGJYQnNaUzB3TVE9PQo='/startDaq/b'ZTMwPQo='?taskInfo=b'ZTMwPQo='",
    )
  })

  it("goes where and how the site's own table says, also with its document in the body", async () => {
    dm.close()
    const routes = new DmRoutes().with({
      addExperimentDataset: { path: "/datasets/{name*}", query: {}, form: { datasetInfo: "json" } },
    })
    dm = service.client({ routes })
    await dm.cat.addExperimentDataset({ experimentName: "example-01", datasetName: "d" })
    const [{ target = "", verb = "", body = "" } = {}] = service.calls
    expect(target).toBe("/dm/datasets/b'WlhoaGJYQnNaUzB3TVE9PQo='")
    expect(routes.match(verb, target, { body })?.args).toEqual({
      name: "example-01",
      datasetInfo: { experimentName: "example-01", datasetName: "d" },
    })
  })

  it("is refused at once when a dataset does not say where it belongs", () => {
    expect(() => dm.cat.addExperimentDataset({ datasetName: "d" })).toThrow(/"experimentName" must be a text/)
  })
})
