import { Device, string } from "@ophyd-ts/core"

/** What one plan finds out about the experiment and later plans need: no plan has to ask again. */
export class DmExperimentSignals extends Device {
  readonly experiment = this.soft.rw(string, { kind: "config" })
  /** Watched by the DAQ, as it was given to DM. */
  readonly dataDirectory = this.soft.rw(string, { kind: "config" })
  readonly daqId = this.soft.rw(string, { kind: "config" })
  /** Of the last upload. */
  readonly uploadId = this.soft.rw(string, { kind: "config" })
}
