import { createServer } from "node:net"
import { double } from "@ophyd-ts/core"
import { CaClient } from "node-epics-ca"
import { PvaClient } from "pvxs-node"
import { expect, it } from "vitest"
import { EpicsDevice } from "../src/index.ts"

/** A port at which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof address === "object" && address !== null ? address.port : 0
}

it.each(["ca", "pva"] as const)(
  "an IOC that refuses the connection over %s is named as such",
  async protocol => {
    class Table extends EpicsDevice {
      readonly height = this.signal.rw(double, "Height")
    }
    const port = await closedPort()
    const settings = { nameServers: [`127.0.0.1:${port}`], addressList: [], autoAddressList: false }
    await using client = protocol === "ca" ? new CaClient(settings) : new PvaClient(settings)
    const table = new Table(`${protocol}://X:`, { name: "table", client })
    const refused = `127.0.0.1:${port} refused the connection (ECONNREFUSED)`
    const connecting = table.connect({ timeout: 1 })
    await expect(connecting).rejects.toThrow(/table_height .*:Height: searching after [\d.]+ s: 127/)
    await expect(connecting).rejects.toThrow(refused)
    await expect(connecting).rejects.toMatchObject({ failures: [{ reason: refused }] })
  },
)
