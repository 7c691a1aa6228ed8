import { describe, expect, it } from "vitest"
import { DmEncodingError, type DmRoute, DmRoutes, dmEncode } from "../src/index.ts"

const routes = new DmRoutes()

/** An argument of each kind for every row, so that all rows can be checked alike. */
function argumentsFor(route: DmRoute): Record<string, unknown> {
  const args: Record<string, unknown> = {}
  for (const [, name = "", star] of route.path.matchAll(/\{(\w+)(\*?)\}/g)) {
    args[name] = star === "*" ? `/some where/${name}+ä` : `${name}-1`
  }
  for (const [name, form] of Object.entries({ ...route.query, ...route.form })) {
    args[name] = form === "json" ? { [name]: ["a", 1] } : `${name} 2&=+`
  }
  return args
}

describe("the route table", () => {
  it.each(routes.rows.map(row => [row.call, row] as const))(
    "%s: what is built is what is matched",
    (call, row) => {
      const args = argumentsFor(row)
      const request = routes.build(call, args)
      const match = routes.match(request.verb, request.target, {
        ...(request.service === "any" ? {} : { service: request.service }),
        ...(request.body === null ? {} : { body: request.body }),
      })
      expect(match?.route.call).toBe(call)
      expect(match?.args).toEqual(args)
    },
  )

  it("tells every row apart also when one port serves all services", () => {
    for (const row of routes.rows) {
      const { verb, target } = routes.build(row.call, argumentsFor(row))
      expect(routes.match(verb, target)?.route.call).toBe(row.call)
    }
  })

  it.each([
    [
      "startDaq",
      { name: "example-01", dataDirectory: "{}", taskInfo: {} },
      "POST",
      "/dm/experimentsByName/b'WlhoaGJYQnNaUzB3TVE9PQo='/startDaq/b'ZTMwPQo='?taskInfo=b'ZTMwPQo='",
    ],
    [
      "listProcessingJobs",
      { owner: "s255user", queryDict: {}, skip: 0, limit: 5000, keyList: "DEFAULT" },
      "GET",
      "/dm/processingJobsByOwner/s255user?queryDict=b'ZTMwPQo='&skip=0&limit=5000&keyList=b'SWtSRlJrRlZURlFpCg=='",
    ],
    ["getExperimentById", { id: 90001 }, "GET", "/dm/experimentsById/90001"],
    [
      "listStationEsafs",
      { station: "example-01", year: 2026 },
      "GET",
      "/dm/esaf/stationEsafs/b'WlhoaGJYQnNaUzB3TVE9PQo='?year=2026",
    ],
    ["getUserByUsername", { username: "a/b c" }, "GET", "/dm/users/a%2Fb%20c"],
  ])("%s goes out raw, as the vendor's client sends it", (call, args, verb, target) => {
    expect(routes.build(call, args)).toMatchObject({ verb, target })
  })

  it("understands percent-coded paths and queries and a query with spaces as plus", () => {
    const coded = (text: string) => encodeURIComponent(dmEncode(text)).replaceAll("'", "%27")
    const match = routes.match(
      "POST",
      `/dm/experimentsByName/${coded("e 1")}/startDaq/${coded("/d")}?taskInfo=${coded("{}")}`,
    )
    expect(match?.args).toEqual({ name: "e 1", dataDirectory: "/d", taskInfo: {} })
  })

  it("leaves out an optional last segment, with its slash", () => {
    expect(routes.build("listStationEsafs", { station: "S", beamline: "" }).target).not.toMatch(/\/$/)
    expect(routes.match("GET", routes.build("listStationEsafs", { station: "S" }).target)?.args).toEqual({
      station: "S",
    })
  })

  it("ignores members of the query that the row does not name", () => {
    expect(routes.match("GET", "/dm/daqs?__proto__=x&a=b&c")?.args).toEqual({})
  })

  it.each([
    ["GET", "/dm/nowhere"],
    ["GET", "/daqs"],
    ["PATCH", "/dm/daqs"],
    ["GET", "/dm/daqs/"],
    ["GET", "/dm/daqs/1/2"],
    ["GET", "/dmx/daqs"],
  ])("%s %s fits no row", (verb, target) => expect(routes.match(verb, target)).toBeNull())

  it("says which argument does not decode", () => {
    expect(() => routes.match("GET", "/dm/experimentsByName/b'%%%'/255IDZ")).toThrow(DmEncodingError)
    expect(() => routes.match("GET", "/dm/experimentsByName/b'%%%'/255IDZ")).toThrow(/argument "name"/)
  })

  it("refuses a call with a missing path argument before anything is sent", () => {
    expect(() => routes.build("getDaqInfo", {})).toThrow(/getDaqInfo: the argument "id" is missing/)
    expect(() => routes.build("noSuchCall")).toThrow(/no call noSuchCall/)
  })

  it("can be corrected by a site, row by row, without touching the default table", () => {
    const site = routes.with({
      stopDaq: { verb: "PUT", path: "/daqs/stop/{name*}" },
      ping: { service: "daq", verb: "GET", path: "/ping" },
    })
    expect(site.build("stopDaq", { name: "{}", dataDirectory: "/d" }).target).toBe(
      "/dm/daqs/stop/b'ZTMwPQo='",
    )
    expect(site.row("stopDaq").evidence).toBe("site")
    expect(site.match("GET", "/dm/ping")?.route.call).toBe("ping")
    expect(routes.row("stopDaq").evidence).toBe("inferred")
    expect(() => routes.with({ ping: { verb: "GET" } })).toThrow(/ping needs service, verb and path/)
    for (const path of ["no/slash", "/a/{b", "/a[/b]/c", "/a?b", ""]) {
      expect(() => routes.with({ stopDaq: { path } }), path).toThrow(/route stopDaq/)
    }
  })

  it("marks every row known, with its source, or inferred", () => {
    for (const row of routes.rows)
      expect([row.call, row.evidence === "known"]).toEqual([row.call, row.source !== ""])
  })
})
