import {
  boolean,
  choice,
  double,
  float64Array,
  integer,
  string,
  stringArray,
  table,
  uint8Array,
} from "@ophyd-ts/core"
import { type ContractSignals, profileColumns } from "../../../core/test/contract/signal-contract.ts"
import { EpicsDevice } from "../../src/index.ts"

/** The PVs that an IOC offers to the contract of signals. */
export class ContractDevice extends EpicsDevice {
  readonly gain = this.signal.rw(double, "gain")
  readonly count = this.signal.rw(integer, "count")
  readonly enabled = this.signal.rw(boolean, "enabled")
  readonly title = this.signal.rw(string, "title")
  readonly mode = this.signal.rw(choice("Slow", "Medium", "Fast"), "mode")
  readonly spectrum = this.signal.rw(float64Array, "spectrum")
  readonly bytes = this.signal.rw(uint8Array, "bytes")
  readonly labels = this.signal.rw(stringArray, "labels")
  readonly fixed = this.signal.r(integer, "fixed")
}

export function contractSignals(device: ContractDevice): ContractSignals {
  const { gain, count, enabled, title, mode, spectrum, bytes, labels, fixed } = device
  return { gain, count, enabled, title, mode, spectrum, bytes, labels, fixed }
}

/** Its table, for IOCs that serve one. */
export class ProfileDevice extends EpicsDevice {
  readonly profile = this.signal.rw(table(profileColumns), "profile")
}
