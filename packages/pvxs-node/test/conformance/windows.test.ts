import { TcpProxy } from "@ophyd-ts/epics-net/testing"
import { describe, expect, it } from "vitest"
import type { Channel } from "../../src/client/channel.ts"
import { PvaClient } from "../../src/client/client.ts"
import { ntScalar } from "../../src/nt/scalar.ts"
import { PvaServer } from "../../src/server/server.ts"
import { SharedPv } from "../../src/server/shared-pv.ts"
import { Command, Sub } from "../../src/wire/codes.ts"
import { Framer } from "../../src/wire/framer.ts"
import { defaultLimits } from "../../src/wire/limits.ts"
import { RawClient } from "../support/raw-client.ts"
import { until } from "../support/until.ts"

const double = ntScalar("double")
const windows = Array.from({ length: 16 }, (_, i) => i + 1)
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** Listens to both sides of a conversation and keeps account of the window of the one subscription in it. */
class Witness {
  window = 0
  sent = 0
  acknowledged = 0
  /** Updates under way at most, and the most that an acknowledgement was ahead of what had been sent. */
  most = 0
  tooEarly = 0

  watch(proxy: TcpProxy): void {
    const server = new Framer(defaultLimits, true, {
      onControl: () => {},
      onMessage: (command, reader) => {
        if (command !== Command.monitor) return
        reader.u32()
        if (reader.u8() !== 0) return
        this.sent++
        this.most = Math.max(this.most, this.sent - this.acknowledged)
      },
    })
    const client = new Framer(defaultLimits, false, {
      onControl: () => {},
      onMessage: (command, reader) => {
        if (command !== Command.monitor) return
        reader.u32()
        reader.u32()
        const sub = reader.u8()
        if (sub === (Sub.init | Sub.pipeline)) {
          reader.pos = reader.end - 4
          this.window = reader.u32()
        } else if (sub === Sub.pipeline) {
          this.acknowledged += reader.u32()
          this.tooEarly = Math.max(this.tooEarly, this.acknowledged - this.sent)
        }
      },
    })
    // What was said on the way to the server counts as said before what it answers.
    proxy.toTarget.change = chunk => {
      client.push(chunk)
      return chunk
    }
    proxy.toClient.change = chunk => {
      server.push(chunk)
      return chunk
    }
  }
}

/** A subscription of our client on our server, through a proxy. */
class Pipeline implements AsyncDisposable {
  readonly pv = new SharedPv(double)
  readonly channel: Channel
  readonly monitor
  readonly proxy: TcpProxy
  readonly #server: PvaServer
  readonly #client: PvaClient

  private constructor(server: PvaServer, proxy: TcpProxy, queueSize: number) {
    server.add("x", this.pv)
    this.#server = server
    this.proxy = proxy
    this.#client = new PvaClient({ ...server.clientConfig(), timeout: 20 })
    this.channel = this.#client.channel("x", { server: `127.0.0.1:${proxy.port}` })
    this.monitor = this.channel.monitor({ type: double, pipeline: true, queueSize })
  }

  static async open(queueSize: number): Promise<Pipeline> {
    const server = await PvaServer.open({ isolated: true })
    return new Pipeline(server, await TcpProxy.start({ port: server.port }), queueSize)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close()
    await this.#server.close()
    await this.proxy.close()
  }
}

describe.each(["a fast", "a slow"] as const)("with %s reader a pipeline", pace => {
  it.each(windows)("of %i is never exceeded, kept busy, and loses nothing that is paced", async queueSize => {
    await using sut = await Pipeline.open(queueSize)
    const { pv, monitor, proxy } = sut
    const witness = new Witness()
    witness.watch(proxy)
    let consumed = 0
    let posted = 0
    const total = 60
    for await (const { value, dropped } of monitor) {
      consumed++
      expect(dropped).toBe(0)
      // Nothing is acknowledged that the reader has not taken.
      expect(witness.acknowledged).toBeLessThanOrEqual(consumed)
      if (value.value === total) break
      if (pace === "a slow") for (let i = 0; i < 3; i++) await turn()
      // The producer is ahead of the reader, by more than the window now and then.
      const ahead = value.value % 20 === 0 ? 2 * queueSize : 1
      for (let i = 0; i < ahead && posted < total; i++) pv.post({ value: ++posted })
    }
    expect(witness.window).toBe(queueSize)
    expect(witness.most).toBeLessThanOrEqual(queueSize)
    expect(witness.tooEarly).toBeLessThanOrEqual(0)
  })

  it.each(windows)("of %i stands still while nobody reads, and goes on from the newest", async queueSize => {
    await using sut = await Pipeline.open(queueSize)
    const { pv, channel, monitor, proxy } = sut
    const witness = new Witness()
    witness.watch(proxy)
    const updates = monitor[Symbol.asyncIterator]()
    await until(() => expect(monitor.latest).not.toBeNull())
    for (let n = 1; n <= 100; n++) {
      pv.post({ value: n })
      if (pace === "a slow" && n % 10 === 0) await turn()
    }
    await channel.get()
    expect(witness.sent).toBe(queueSize)
    expect(witness.acknowledged).toBe(0)
    let last = -1
    while (last < 100) {
      const { value: update } = await updates.next()
      expect(update?.value.value).toBeGreaterThan(last)
      last = update!.value.value
    }
    expect(witness.most).toBeLessThanOrEqual(queueSize)
  })
})

describe("our server", () => {
  const login =
    'ca 02 00 01 13000000 00000000 ff7f 0000 09 "anonymous" ff ca 02 00 07 08000000 0100 01000000 01 "x"'
  const u32 = (n: number): string => n.toString(16).padStart(2, "0").padEnd(8, "0")

  it.each(windows)(
    "sends a client with a window of %i exactly as much as it has acknowledged",
    async window => {
      await using server = await PvaServer.open({ isolated: true })
      const pv = new SharedPv(double)
      server.add("x", pv)
      await using raw = new RawClient(server.port)
      raw.say(login)
      await raw.hears("7 01000000")
      raw.say(`ca 02 00 0d 10000000 01000000 05000000 88 800000 ${u32(window)}`)
      raw.say("ca 02 00 0d 09000000 01000000 05000000 44")
      let echoes = 0
      const updates = async (): Promise<number> => {
        echoes++
        raw.say(`ca 02 00 02 04000000 ${u32(echoes)}`)
        await raw.hears(`2 ${u32(echoes)}`)
        return raw.received.filter(r => r.startsWith("13 0500000000")).length
      }
      const flood = (): void => {
        for (let n = 0; n < 50; n++) pv.post({ value: Math.random() })
      }
      expect(await updates()).toBe(1)
      flood()
      expect(await updates()).toBe(window)
      let allowed = window
      for (const acknowledged of [1, 0, 3, window, 16]) {
        raw.say(`ca 02 00 0d 0d000000 01000000 05000000 80 ${u32(acknowledged)}`)
        allowed += acknowledged
        for (let n = 0; n < 3 && (await updates()) < allowed; n++) flood()
        expect(await updates()).toBeLessThanOrEqual(allowed)
        for (let n = 0; n < 40 && (await updates()) < allowed; n++) pv.post({ value: Math.random() })
        expect(await updates()).toBe(allowed)
      }
    },
  )
})

describe("after a loss of the connection", () => {
  it("updates of before are not acknowledged to the server of after", async () => {
    await using sut = await Pipeline.open(4)
    const { pv, channel, monitor, proxy } = sut
    const updates = monitor[Symbol.asyncIterator]()
    await until(() => expect(monitor.latest).not.toBeNull())
    for (let n = 1; n <= 20; n++) {
      pv.post({ value: n })
      await turn()
    }
    await channel.get()
    // Four updates wait for the reader when the connection goes.
    const witness = new Witness()
    witness.watch(proxy)
    proxy.reset()
    await until(() => expect(witness.sent).toBeGreaterThan(0))
    for (let n = 21; n <= 40; n++) {
      pv.post({ value: n })
      await turn()
    }
    let last = -1
    while (last < 40) last = (await updates.next()).value!.value.value
    expect(witness.most).toBeLessThanOrEqual(4)
    expect(witness.tooEarly).toBeLessThanOrEqual(0)
  })
})
