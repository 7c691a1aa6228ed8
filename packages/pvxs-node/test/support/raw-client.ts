import { connect, type Socket } from "node:net"
import { expect } from "vitest"
import { Framer } from "../../src/wire/framer.ts"
import { defaultLimits } from "../../src/wire/limits.ts"
import { hex, toHex } from "./hex.ts"
import { until } from "./until.ts"

/** A client that says exactly what the test says. */
export class RawClient implements AsyncDisposable {
  readonly #socket: Socket
  /** Commands and payloads received; control messages as "control N". */
  readonly received: string[] = []
  closed = false

  constructor(port: number) {
    this.#socket = connect({ host: "127.0.0.1", port })
    const framer = new Framer(defaultLimits, true, {
      onMessage: (command, reader) =>
        // Large messages are kept by their beginning.
        this.received.push(
          `${command} ${toHex(reader.bytes.subarray(reader.pos, Math.min(reader.end, reader.pos + 300)))}`,
        ),
      onControl: command => this.received.push(`control ${command}`),
    })
    this.#socket.on("data", chunk => framer.push(chunk as Buffer))
    this.#socket.on("error", () => {})
    this.#socket.on("close", () => {
      this.closed = true
    })
  }

  say(text: string): void {
    this.#socket.write(hex(text))
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Waits for a message of this command whose payload starts so. */
  async hears(start: string): Promise<string> {
    await until(() => expect(this.received.some(r => r.startsWith(start))).toBe(true))
    return this.received.find(r => r.startsWith(start))!
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy()
  }
}
