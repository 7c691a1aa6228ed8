import { AuthenticationError, AuthorizationError, DmClient } from "@ophyd-ts/aps-dm"
import { describe, expect, it } from "vitest"
import { cookieOf, login, raw, startSim } from "./support.ts"

const target = "/dm/experimentsByStation/255IDZ"
const get = (url: string, cookie?: string) =>
  raw(url, "GET", target, cookie === undefined ? {} : { headers: { Cookie: cookie } })

describe("sessions", () => {
  it("refuse a request without one with 401 and DM's headers", async () => {
    const { dm } = await startSim()
    const answer = await get(dm.urls.ds)
    expect(answer.status).toBe(401)
    expect(answer.headers).toMatchObject({ "dm-status-code": "12", "dm-exception-type": "InvalidSession" })
    expect(JSON.parse(answer.body)).toMatchObject({ errorCode: 12, exceptionType: "InvalidSession" })
  })

  it("begin with a cookie whose second attribute is its end in GMT", async () => {
    const { dm } = await startSim({ sessionSeconds: 60 })
    const answer = await login(dm.urls.ds)
    expect(answer.status).toBe(200)
    expect(answer.headers["dm-session-role"]).toBe("user")
    const [value, expires, maxAge, path] = cookieOf(answer).split("; ")
    expect(value).toMatch(/^session_id=[0-9a-f]{40}$/)
    expect(expires).toBe("expires=Thu, 28 May 2026 20:27:40 GMT")
    expect([maxAge, path]).toEqual(["Max-Age=60", "Path=/"])
  })

  it("accept the plain cookie, the whole Set-Cookie, and one among others", async () => {
    const { dm } = await startSim()
    const whole = cookieOf(await login(dm.urls.ds))
    const plain = whole.split(";")[0] ?? ""
    for (const cookie of [plain, whole, `other=1; ${plain}; more`]) {
      expect((await get(dm.urls.ds, cookie)).status).toBe(200)
    }
    for (const cookie of [
      "",
      "session_id=",
      "session_id=0",
      plain.replace("session_id", "sid"),
      `${plain}0`,
    ]) {
      expect((await get(dm.urls.ds, cookie)).status).toBe(401)
    }
  })

  it("end after their time, and on demand", async () => {
    const { dm, clock } = await startSim({ sessionSeconds: 60 })
    const first = cookieOf(await login(dm.urls.ds))
    await clock.advance(59)
    expect((await get(dm.urls.ds, first)).status).toBe(200)
    await clock.advance(2)
    expect((await get(dm.urls.ds, first)).status).toBe(401)
    const second = cookieOf(await login(dm.urls.ds))
    dm.control.expireSessions("ds")
    expect((await get(dm.urls.ds, second)).status).toBe(401)
  })

  it("belong to one service, or to all of them when they share a port", async () => {
    const { dm } = await startSim()
    const cookie = cookieOf(await login(dm.urls.daq))
    expect((await raw(dm.urls.daq, "GET", "/dm/daqs", { headers: { Cookie: cookie } })).status).toBe(200)
    expect((await get(dm.urls.ds, cookie)).status).toBe(401)

    const { dm: shared } = await startSim({ ports: "one" })
    expect(new Set(Object.values(shared.urls)).size).toBe(1)
    const all = cookieOf(await login(shared.urls.daq))
    expect((await get(shared.urls.ds, all)).status).toBe(200)
  })

  it("can announce a wrong end, as with clocks or zones that differ", async () => {
    const { dm, client, clock } = await startSim({ sessionSeconds: 60, sessionCookieSkew: 6 * 3600 })
    expect(cookieOf(await login(dm.urls.ds))).toContain("expires=Fri, 29 May 2026 02:27:40 GMT")
    await client.ds.getExperimentsByStation()
    await clock.advance(61)
    expect(await client.ds.getExperimentsByStation()).toHaveLength(1)
    expect(dm.control.count("login")).toBe(3)
  })

  it("are not given for a wrong password", async () => {
    const { dm } = await startSim()
    const answer = await login(dm.urls.ds, "s255user", "wrong")
    expect(answer.status).toBe(401)
    expect(answer.headers).toMatchObject({ "dm-exception-type": "AuthenticationError" })
    expect(answer.headers["set-cookie"]).toBeUndefined()
    const stranger = new DmClient(dm.config({ password: "wrong" }))
    await expect(stranger.ds.getExperimentsByStation()).rejects.toThrow(AuthenticationError)
    stranger.close()
  })

  it("decide which stations an account may see", async () => {
    const users = [
      { username: "one", password: "1" },
      { username: "both", password: "2", stations: ["255IDZ", "256IDZ"] },
      { username: "admin", password: "3", role: "admin" as const },
    ]
    const { dm } = await startSim({ users, otherStations: ["256IDZ"] })
    const seen = async (username: string, password: string) => {
      await using client = new DmClient(dm.config({ username, password }))
      return (await client.ds.getExperimentsByStation("256IDZ")).length
    }
    await expect(seen("one", "1")).rejects.toThrow(AuthorizationError)
    await expect(seen("both", "2")).resolves.toBe(0)
    await expect(seen("admin", "3")).resolves.toBe(0)
    expect((await login(dm.urls.ds, "admin", "3")).headers["dm-session-role"]).toBe("admin")
  })
})
