import { X509Certificate } from "node:crypto"
import { connect } from "node:net"
import { CommunicationError, DmClient } from "@ophyd-ts/aps-dm"
import { describe, expect, it } from "vitest"
import { selfSignedCertificate } from "../../src/dm/http/certificate.ts"
import { startSim } from "./support.ts"

describe("a certificate that signs itself", () => {
  it("is one that others can read and verify", () => {
    const now = new Date("2026-01-02T03:04:05Z")
    const { cert } = selfSignedCertificate("127.0.0.1", now)
    const certificate = new X509Certificate(cert)
    expect(certificate.verify(certificate.publicKey)).toBe(true)
    expect(certificate.ca).toBe(true)
    expect(certificate.subject).toBe("CN=simulated DM service")
    expect(certificate.checkIP("127.0.0.1")).toBe("127.0.0.1")
    expect(certificate.checkHost("localhost")).toBe("localhost")
    expect([certificate.validFrom, certificate.validTo]).toEqual([
      "Jan  2 02:04:05 2026 GMT",
      "Dec 31 03:04:05 2035 GMT",
    ])
    expect(new X509Certificate(selfSignedCertificate("dm.example").cert).checkHost("dm.example")).toBe(
      "dm.example",
    )
    const late = new X509Certificate(selfSignedCertificate("h", new Date("2045-01-01")).cert)
    expect(late.validTo).toContain("2054")
  })
})

describe("the service over TLS", () => {
  it("is reached by a client that trusts its certificate, and by no other", async () => {
    const { dm, client } = await startSim({ tls: true })
    expect(dm.urls.ds).toMatch(/^https:/)
    expect(await client.ds.getExperimentByName("tomo-2026-1")).toMatchObject({ id: 90001 })
    const { ds } = dm.urls
    const { dmConfig } = await import("@ophyd-ts/aps-dm")
    await using stranger = new DmClient(
      dmConfig.from({ urls: { ds }, station: dm.station, username: "s255user", password: "simulated" }),
    )
    await expect(stranger.ds.getExperimentsByStation()).rejects.toThrow(CommunicationError)
    await expect(stranger.ds.getExperimentsByStation()).rejects.toThrow("not trusted")
  })

  it("goes away and comes back, and survives what is not TLS", async () => {
    const { dm, client } = await startSim({ tls: true })
    await new Promise<void>(resolve => {
      const socket = connect(Number(new URL(dm.urls.ds).port), "127.0.0.1", () =>
        socket.write("GET / HTTP/1.1\r\n\r\n"),
      )
      socket.on("error", () => {})
      socket.on("close", () => resolve())
      socket.resume()
    })
    await dm.control.goAway()
    await expect(client.ds.getExperimentsByStation()).rejects.toThrow(CommunicationError)
    await dm.control.comeBack()
    expect(await client.ds.getExperimentsByStation()).toHaveLength(1)
  })
})
