import type { Clock, DeviceOptions } from "@ophyd-ts/core"
import type { DmClient } from "../client/index.ts"
import type { ProbeSource } from "../transfers/index.ts"
import type { DmTaskInfo, DmTransfer } from "../wire/index.ts"

export interface DmDaqOptions extends DeviceOptions {
  /** Of the station whose DAQ service is to work; a beamline with several of them has a client for each. */
  client: Pick<DmClient, "daq">
  /** Initial value of the signal `experiment`. */
  experiment?: string
  /** Initial value of the signal `dataDirectory`: a path that DM's machine mounts, `@host:/path`, `ftp://…`. */
  dataDirectory?: string
  /** How a DAQ that has to be started works. */
  daqInfo?: DmTaskInfo
  /** At the end of a scan that staged the device: `keep` the DAQ (default), or `stop` it. */
  onUnstage?: "keep" | "stop"
  /** Gets warnings and news of the connection, for people. */
  write?: (text: string) => void
  /** Looks whether the source exists; default on this machine, where it lies there. */
  probe?: ProbeSource
  /** Longest pause between polls while DM does not answer; default 60 s. */
  longestPause?: number
  clock?: Clock
}

/** News of a DAQ. */
export interface DaqReport {
  readonly kind: "warning" | "connection" | "end"
  readonly text: string
  readonly daq: DmTransfer | null
}
