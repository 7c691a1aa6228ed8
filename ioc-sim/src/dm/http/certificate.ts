import { generateKeyPairSync, randomBytes, sign } from "node:crypto"
import { isIPv4 } from "node:net"
import type { TlsMaterial } from "./listener.ts"

/** One value in DER: tag, length, contents. */
function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents)
  const short = body.length < 128
  const bytes = short ? [] : Buffer.from(body.length.toString(16).padStart(4, "0"), "hex")
  return Buffer.concat([Buffer.from([tag, short ? body.length : 0x80 | bytes.length, ...bytes]), body])
}

const sequence = (...items: readonly Uint8Array[]): Buffer => der(0x30, ...items)
const set = (...items: readonly Uint8Array[]): Buffer => der(0x31, ...items)
const utf8 = (text: string): Buffer => der(0x0c, Buffer.from(text, "utf8"))
const octets = (bytes: Uint8Array): Buffer => der(0x04, bytes)
const yes = der(0x01, Buffer.from([0xff]))

/** With two digits of the year up to 2049, and four from then on (RFC 5280, section 4.1.2.5). */
function time(date: Date): Buffer {
  const text = `${date.toISOString().replace(/[-:T]/g, "").slice(0, 14)}Z`
  return date.getUTCFullYear() < 2050 ? der(0x17, Buffer.from(text.slice(2))) : der(0x18, Buffer.from(text))
}

function identifier(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number)
  const bytes = [first * 40 + second]
  for (const number of rest) {
    const groups = [number & 0x7f]
    for (let high = number >>> 7; high > 0; high >>>= 7) groups.unshift((high & 0x7f) | 0x80)
    bytes.push(...groups)
  }
  return der(0x06, Buffer.from(bytes))
}

const ecdsaWithSha256 = sequence(identifier("1.2.840.10045.4.3.2"))

/**
 * A new key and a certificate for it that it signs itself (X.509 version 3, RFC 5280), valid from an hour before
 * `now` for ten years, for `host` and localhost. A client trusts it by taking it as its authority.
 */
export function selfSignedCertificate(host: string, now = new Date()): TlsMaterial {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  const name = sequence(set(sequence(identifier("2.5.4.3"), utf8("simulated DM service"))))
  const address = isIPv4(host)
    ? der(0x87, Buffer.from(host.split(".").map(Number)))
    : der(0x82, Buffer.from(host))
  const extension = (id: string, value: Buffer, ...critical: Buffer[]) =>
    sequence(identifier(id), ...critical, octets(value))
  const serial = randomBytes(16)
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40 // Positive, and of fixed length.
  const toBeSigned = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, serial),
    ecdsaWithSha256,
    name,
    sequence(
      time(new Date(now.getTime() - 3_600_000)),
      time(new Date(now.getTime() + 10 * 365 * 86_400_000)),
    ),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    der(
      0xa3,
      sequence(
        extension("2.5.29.19", sequence(yes), yes),
        extension("2.5.29.17", sequence(der(0x82, Buffer.from("localhost")), address)),
      ),
    ),
  )
  const signature = der(0x03, Buffer.from([0]), sign("sha256", toBeSigned, privateKey))
  const certificate = sequence(toBeSigned, ecdsaWithSha256, signature)
    .toString("base64")
    .replace(/.{1,64}/g, "$&\n")
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${certificate}-----END CERTIFICATE-----\n`,
  }
}
