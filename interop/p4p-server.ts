/** A server written with p4p, and a client that finds nothing but it. */
import { PvaClient } from "pvxs-node"
import { type PythonScript, startPython } from "./peers.ts"

export class P4pServer implements AsyncDisposable {
  /** To converse with. */
  readonly script: PythonScript<unknown>
  /** Address with port. */
  readonly endpoint: string
  readonly client: PvaClient

  private constructor(script: PythonScript<unknown>, port: unknown) {
    this.script = script
    this.endpoint = `127.0.0.1:${port}`
    this.client = new PvaClient({
      addressList: [],
      autoAddressList: false,
      nameServers: [this.endpoint],
      env: {},
      timeout: 20,
    })
  }

  /** The script serves until its standard input ends; the first value that it prints is its port. */
  static async start(script: string, ...args: string[]): Promise<P4pServer> {
    const running = startPython(script, { args, timeout: 300 })
    return new P4pServer(running, await running.next())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close()
    await this.script[Symbol.asyncDispose]()
  }
}
