import {
  boolean,
  choice,
  type Datatype,
  double,
  float64Array,
  integer,
  type Metadata,
  MockBackend,
  SignalR,
  SignalRW,
  SoftBackend,
  string,
  stringArray,
  table,
  uint8Array,
} from "../../src/index.ts"
import {
  type ContractRig,
  type Profile,
  profileColumns,
  signalContract,
  tableContract,
} from "./signal-contract.ts"

type Make = <T>(datatype: Datatype<T>, initial: T, metadata?: Metadata) => SoftBackend<T>

function rig(make: Make): ContractRig {
  const gain = make(double, 1.5, { units: "V", precision: 2, limits: { control: { low: 0, high: 10 } } })
  const count = make(integer, 3)
  return {
    signals: {
      gain: new SignalRW(gain, { name: "gain" }),
      count: new SignalRW(count, { name: "count" }),
      enabled: new SignalRW(make(boolean, false), { name: "enabled" }),
      title: new SignalRW(make(string, "first"), { name: "title" }),
      mode: new SignalRW(make(choice("Slow", "Medium", "Fast"), "Slow"), { name: "mode" }),
      spectrum: new SignalRW(make(float64Array, Float64Array.of(1, 2, 3)), { name: "spectrum" }),
      bytes: new SignalRW(make(uint8Array, Uint8Array.of(1, 2)), { name: "bytes" }),
      labels: new SignalRW<readonly string[]>(make(stringArray, ["a", "b"]), { name: "labels" }),
      fixed: new SignalR(make(integer, 7), { name: "fixed" }),
    },
    change: (signal, value) => (signal === "gain" ? gain : count).assign(value),
    close: () => {},
  }
}

const profile: Profile = { position: Float64Array.of(1, 2), count: Int32Array.of(10, 20), label: ["a", "b"] }

const makers: Record<string, Make> = {
  memory: (datatype, initial, metadata) => new SoftBackend(datatype, { initial, metadata }, "soft://x"),
  "a mock": (datatype, initial, metadata) => new MockBackend(datatype, "ca://x", { initial, metadata }),
}
for (const [backend, make] of Object.entries(makers)) {
  signalContract(backend, () => rig(make))
  tableContract(backend, () => ({
    signals: { profile: new SignalRW(make<Profile>(table(profileColumns), profile), { name: "profile" }) },
    change: () => {},
    close: () => {},
  }))
}
