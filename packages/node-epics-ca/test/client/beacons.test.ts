import { describe, expect, test } from "vitest"
import * as w from "../../src/wire/index.ts"
import { FakeNetwork, turn } from "./fake-network.ts"

const confirm = (): Uint8Array => {
  const writer = new w.MessageWriter()
  w.writeRepeaterConfirm(writer, "127.0.0.1")
  return writer.take()
}

describe("beacons", () => {
  test("are asked for at the repeater of this host, ever more rarely until one confirms", async () => {
    const net = new FakeNetwork()
    net.client({ repeaterPort: 5999 }).channel("x")
    await net.pass(1)
    await net.pass(300)
    const asked = net.registrations.length
    expect(new Set(net.registrations)).toEqual(new Set(["127.0.0.1:5999"]))
    expect(asked).toBeGreaterThan(5)
    expect(asked).toBeLessThan(15)
    net.datagram(confirm())
    await net.pass(300)
    expect(net.registrations).toHaveLength(asked)
  })

  test("of a new server, one that was away, or one that was started again bring the search forward; regular ones do not", async () => {
    const net = new FakeNetwork()
    net.client().channel("missing")
    await net.pass(300)
    const searched = async (): Promise<number> => {
      const before = net.searches.length
      await net.pass(1)
      return net.searches.length - before
    }
    net.beacon(1)
    expect(await searched()).toBeGreaterThan(0)
    let regular = 0
    for (let counter = 2; counter < 40; counter += 1) {
      await net.pass(14)
      net.beacon(counter)
      net.beacon(counter)
      regular += await searched()
    }
    expect(regular).toBeLessThan(10)
    await net.pass(120)
    net.beacon(48)
    expect(await searched()).toBeGreaterThan(0)
    await net.pass(2)
    net.beacon(0)
    net.beacon(1)
    expect(await searched()).toBeGreaterThan(0)
  })

  test("that stop coming are nothing to a healthy circuit", async () => {
    const net = new FakeNetwork()
    const { client, link } = await net.connected()
    for (let counter = 0; counter < 5; counter += 1) {
      net.beacon(counter)
      await net.pass(5)
      link.receive(w.writeEcho)
    }
    for (let i = 0; i < 20; i += 1) {
      await net.pass(10)
      link.receive(w.writeEcho)
    }
    net.beacon(0)
    await turn()
    expect(client.channel("x").state).toBe("connected")
    expect(net.links).toHaveLength(1)
  })
})
