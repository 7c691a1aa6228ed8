import { CaClient, CaServer, ServerPv } from "node-epics-ca"
import { signalContract } from "../../core/test/contract/signal-contract.ts"
import { ContractDevice, contractSignals } from "./support/contract-device.ts"
import { randomPrefix } from "./support/prefix.ts"

signalContract("Channel Access", async () => {
  const prefix = randomPrefix()
  const server = await CaServer.listen()
  const pv = <P extends ServerPv>(made: P): P => server.add(made)
  const gain = pv(
    new ServerPv(`${prefix}gain`, {
      type: "double",
      value: 1.5,
      units: "V",
      precision: 2,
      limits: { control: [0, 10] },
    }),
  )
  const count = pv(new ServerPv(`${prefix}count`, { type: "long", value: 3 }))
  pv(new ServerPv(`${prefix}enabled`, { type: "enum", value: 0, enumStrings: ["Off", "On"] }))
  pv(new ServerPv(`${prefix}title`, { type: "string", value: "first" }))
  pv(new ServerPv(`${prefix}mode`, { type: "enum", value: 0, enumStrings: ["Slow", "Medium", "Fast"] }))
  pv(new ServerPv(`${prefix}spectrum`, { type: "double", value: [1, 2, 3], maxCount: 10 }))
  pv(new ServerPv(`${prefix}bytes`, { type: "char", value: [1, 2], maxCount: 10 }))
  pv(new ServerPv(`${prefix}labels`, { type: "string", value: ["a", "b"], maxCount: 10 }))
  pv(new ServerPv(`${prefix}fixed`, { type: "short", value: 7, access: "read" }))
  const client = new CaClient(server.clientConfig())
  return {
    signals: contractSignals(new ContractDevice(prefix, { client })),
    change: (signal, value) => {
      const target = signal === "gain" ? gain : count
      target.post(value)
    },
    close: async () => {
      await client.close()
      await server.close()
    },
  }
})
