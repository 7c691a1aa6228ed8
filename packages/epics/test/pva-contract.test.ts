import {
  ntEnum,
  ntScalar,
  ntScalarArray,
  ntTable,
  PvaClient,
  PvaServer,
  SharedPv,
  timeStamp,
} from "pvxs-node"
import { signalContract, tableContract } from "../../core/test/contract/signal-contract.ts"
import { ContractDevice, contractSignals, ProfileDevice } from "./support/contract-device.ts"
import { randomPrefix } from "./support/prefix.ts"

signalContract("pvAccess", async () => {
  const prefix = randomPrefix()
  const server = await PvaServer.open({ isolated: true })
  const serve = <P extends SharedPv>(name: string, pv: P): P => {
    server.add(`${prefix}${name}`, pv)
    return pv
  }
  const stamp = { timeStamp: timeStamp() }
  const described = {
    display: { units: "V", precision: 2 },
    control: { limitLow: 0, limitHigh: 10 },
  }
  const gain = serve(
    "gain",
    SharedPv.mailbox(ntScalar("double", { display: true, control: true }), {
      value: 1.5,
      ...stamp,
      ...(described as object),
    }),
  )
  const count = serve("count", SharedPv.mailbox(ntScalar("int"), { value: 3, ...stamp }))
  serve("enabled", SharedPv.mailbox(ntScalar("boolean"), { value: false, ...stamp }))
  serve("title", SharedPv.mailbox(ntScalar("string"), { value: "first", ...stamp }))
  const choices = ["Slow", "Medium", "Fast"]
  serve("mode", SharedPv.mailbox(ntEnum(), { value: { index: 0, choices }, ...stamp }))
  serve("spectrum", SharedPv.mailbox(ntScalarArray("double"), { value: Float64Array.of(1, 2, 3), ...stamp }))
  serve("bytes", SharedPv.mailbox(ntScalarArray("ubyte"), { value: Uint8Array.of(1, 2), ...stamp }))
  serve("labels", SharedPv.mailbox(ntScalarArray("string"), { value: ["a", "b"], ...stamp }))
  serve("fixed", new SharedPv(ntScalar("short"), { value: { value: 7, ...stamp } }))
  const client = new PvaClient(server.clientConfig())
  return {
    signals: contractSignals(new ContractDevice(`pva://${prefix}`, { client })),
    change: (signal, value) => (signal === "gain" ? gain : count).post({ value }),
    close: async () => {
      await client.close()
      await server.close()
    },
  }
})

tableContract("pvAccess", async () => {
  const prefix = randomPrefix()
  const server = await PvaServer.open({ isolated: true })
  const value = { label: ["a", "b"], position: Float64Array.of(1, 2), count: Int32Array.of(10, 20) }
  const type = ntTable({ label: "string", position: "double", count: "int" })
  server.add(`${prefix}profile`, SharedPv.mailbox(type, { value, timeStamp: timeStamp() }))
  const client = new PvaClient(server.clientConfig())
  return {
    signals: new ProfileDevice(`pva://${prefix}`, { client }),
    change: () => {},
    close: async () => {
      await client.close()
      await server.close()
    },
  }
})
