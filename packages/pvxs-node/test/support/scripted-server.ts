import { type TcpPeer, TcpServer } from "../../src/net/tcp-server.ts"
import { ntScalar } from "../../src/nt/scalar.ts"
import { create } from "../../src/values/create.ts"
import { layoutOf } from "../../src/values/layout.ts"
import { slotsOf } from "../../src/values/structure.ts"
import { readCreateChannels, writeChannelCreated, writeDestroyChannel } from "../../src/wire/channel.ts"
import { Command, Control, Flag, Sub } from "../../src/wire/codes.ts"
import { writeType } from "../../src/wire/field-desc.ts"
import { Framer } from "../../src/wire/framer.ts"
import { defaultLimits } from "../../src/wire/limits.ts"
import type { Reader } from "../../src/wire/reader.ts"
import { readSearch, writeSearchResponse } from "../../src/wire/search.ts"
import { error, ok, writeStatus } from "../../src/wire/status.ts"
import { writeServerHello, writeValidated } from "../../src/wire/validation.ts"
import { Writer } from "../../src/wire/writer.ts"

/** What a server can do at one step instead of what it should. */
export type Fault = "silent" | "close" | "refuse" | "garbage" | "endless" | undefined
export type Step = "hello" | "validate" | "create" | "init" | "exec" | "info"

const type = ntScalar("double")
const layout = layoutOf(type)
const value = create(type, { value: 1.5 })

/** A server that misbehaves on demand. Its only value is 1.5 under every name. */
export class ScriptedServer implements AsyncDisposable {
  #listener!: TcpServer
  readonly #fault: (step: Step, nth: number) => Fault
  readonly #steps = new Map<Step, number>()
  /** Commands received, with the sub-command where there is one. */
  readonly received: string[] = []
  connections = 0
  validations = 0
  /** Numbers that the client gave its channels and operations, in their order. */
  readonly cids: number[] = []
  readonly ioids: number[] = []
  #say: (body: (w: Writer) => void) => void = () => {}

  private constructor(fault: (step: Step, nth: number) => Fault) {
    this.#fault = fault
  }

  /** `fault` is asked at every step, with a count from 0 of how often that step has come. */
  static async open(fault: (step: Step, nth: number) => Fault = () => undefined): Promise<ScriptedServer> {
    const server = new ScriptedServer(fault)
    server.#listener = await TcpServer.open("127.0.0.1", 0, peer => server.#accept(peer))
    return server
  }

  get port(): number {
    return this.#listener.port
  }

  /** Says something of its own accord to the client that came last. */
  say(body: (w: Writer) => void): void {
    this.#say(body)
  }

  /** Takes the last channel away. */
  destroyChannel(): void {
    this.say(w => writeDestroyChannel(w, 7, this.cids.at(-1)!))
  }

  /** A complete update of some subscription. */
  update(ioid: number, number: number): void {
    this.say(w => writeUpdate(w, ioid, ok, create(type, { value: number })))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listener.close()
  }

  #accept(peer: TcpPeer) {
    this.connections++
    const writer = (body: (w: Writer) => void): void => {
      const w = new Writer({ fromServer: true })
      body(w)
      peer.write(w.toBytes(), () => {})
    }
    this.#say = writer
    const act = (step: Step, normal: () => void, refuse: () => void): void => {
      const nth = this.#steps.get(step) ?? 0
      this.#steps.set(step, nth + 1)
      const fault = this.#fault(step, nth)
      if (fault === "close") peer.destroy()
      else if (fault === "garbage") peer.write(new Uint8Array(16).fill(0x55), () => {})
      else if (fault === "endless") writer(w => w.header(Flag.fromServer, Command.get, 1_000_000))
      else if (fault === "refuse") refuse()
      else if (fault === undefined) normal()
    }
    act(
      "hello",
      () =>
        writer(w => {
          w.control(Control.setByteOrder, 0)
          writeServerHello(w, { receiveBuffer: 65536, methods: ["anonymous", "ca"] })
        }),
      () => {},
    )
    const framer = new Framer(defaultLimits, false, {
      onMessage: (command, reader) => this.#onMessage(command, reader, writer, act),
      onControl: () => {},
    })
    return { onData: (chunk: Uint8Array) => framer.push(chunk), onDrain: () => {}, onClose: () => {} }
  }

  #onMessage(
    command: number,
    reader: Reader,
    send: (body: (w: Writer) => void) => void,
    act: (step: Step, normal: () => void, refuse: () => void) => void,
  ): void {
    const name = Object.entries(Command).find(([, code]) => code === command)?.[0] ?? `command ${command}`
    if (command === Command.connectionValidation) {
      this.validations++
      act(
        "validate",
        () => send(w => writeValidated(w, ok)),
        () => send(w => writeValidated(w, error("go away"))),
      )
    } else if (command === Command.search) {
      const { sequence, channels } = readSearch(reader)
      const ids = channels.map(c => c.id)
      const found = {
        guid: "00".repeat(12),
        sequence,
        address: "",
        port: this.port,
        protocol: "tcp",
        found: true,
        ids,
      }
      send(w => writeSearchResponse(w, found))
    } else if (command === Command.createChannel) {
      for (const { cid } of readCreateChannels(reader)) {
        this.cids.push(cid)
        act(
          "create",
          () => send(w => writeChannelCreated(w, { cid, sid: 7, status: ok })),
          () => send(w => writeChannelCreated(w, { cid, sid: 0xffffffff, status: error("not here") })),
        )
      }
    } else if (command === Command.getField) {
      this.received.push(name)
      reader.u32()
      const ioid = reader.u32()
      const answer = (status: typeof ok) => () =>
        send(w =>
          w.message(command, () => {
            w.u32(ioid)
            writeStatus(w, status)
            if (status === ok) writeType(w, type)
          }),
        )
      act("info", answer(ok), answer(error("no info")))
    } else if (([Command.get, Command.put, Command.monitor, Command.rpc] as number[]).includes(command)) {
      reader.u32()
      const ioid = reader.u32()
      const sub = reader.u8()
      this.received.push(`${name} ${sub.toString(16).padStart(2, "0")}`)
      if ((sub & Sub.pipeline) !== 0 && (sub & Sub.init) === 0) return
      const isInit = (sub & Sub.init) !== 0
      if (isInit) this.ioids.push(ioid)
      const answer = (status: typeof ok) => () =>
        send(w => {
          if (command === Command.monitor && !isInit) return writeUpdate(w, ioid, status)
          w.message(command, () => {
            w.u32(ioid)
            w.u8(sub)
            writeStatus(w, status)
            if (status !== ok) return
            if (isInit && command !== Command.rpc) writeType(w, type)
            if (!isInit && command === Command.get) layout.all.encode(w, slotsOf(value))
            if (!isInit && command === Command.rpc) w.u8(0xff)
          })
        })
      act(isInit ? "init" : "exec", answer(ok), answer(error("refused")))
    } else {
      this.received.push(name)
      if (command === Command.echo) send(w => w.message(Command.echo, () => {}))
    }
  }
}

function writeUpdate(w: Writer, ioid: number, status: typeof ok, update = value): void {
  w.message(Command.monitor, () => {
    w.u32(ioid)
    w.u8(status === ok ? 0 : Sub.destroy)
    if (status !== ok) writeStatus(w, status)
    else {
      layout.all.encode(w, slotsOf(update))
      w.size(0)
    }
  })
}
