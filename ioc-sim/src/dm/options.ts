import type { DmRoutes } from "@ophyd-ts/aps-dm"
import type { Clock } from "@ophyd-ts/core"
import type { Doc } from "./documents.ts"
import type { ExperimentInput } from "./experiments.ts"
import type { TlsMaterial } from "./http/listener.ts"
import type { CommandRule } from "./processing/commands.ts"
import type { Scheduled } from "./schedule.ts"
import type { DmUser } from "./sessions.ts"

/** Everything has a default except the directory for the experiments' files. Times are seconds. */
export interface DmServiceOptions {
  /** Directory below which the storage of the experiments is made. It is made if needed, never removed. */
  readonly dataRoot: string
  /** Default 127.0.0.1. */
  readonly host?: string
  /** One port for all five services, or one each. Default `five`. */
  readonly ports?: "one" | "five"
  /** First of the ports; the services take it and the next ones. Default 0: any free ports. */
  readonly port?: number
  /** Port of the control for other processes (0: a free one). Default: there is none, only `control`. */
  readonly controlPort?: number
  /** Serve HTTPS: with this key and certificate, or with a new one that signs itself (`true`). */
  readonly tls?: boolean | TlsMaterial
  /** Default `255IDZ`. */
  readonly station?: string
  /** Stations besides `station`. */
  readonly otherStations?: readonly string[]
  /** Default: one account, `s255user`, password `simulated`. The first one is used by `config()`. */
  readonly users?: readonly DmUser[]
  /** Names of experiment types. Default `TEST`, `BLUESKY`. */
  readonly experimentTypes?: readonly string[]
  /** Experiments that exist from the beginning. */
  readonly experiments?: readonly ExperimentInput[]
  /** Workflow documents that exist from the beginning. */
  readonly workflows?: readonly Readonly<Doc>[]
  /** What the stages' commands do. */
  readonly commands?: readonly CommandRule[]
  readonly esafs?: readonly Scheduled[]
  readonly proposals?: readonly Scheduled[]
  /** Life of a session. Default 3600. */
  readonly sessionSeconds?: number
  /** By which the `expires` of the session cookie is wrong, as with clocks or zones that differ. Default 0. */
  readonly sessionCookieSkew?: number
  readonly timing?: Partial<DmTiming>
  /** Children of a `parallelExec` stage that run at once. Default 4. */
  readonly parallelChildren?: number
  /** How a child that still runs shows its outputs: not at all, or as null. Default `absent`. */
  readonly runningChildOutputs?: "absent" | "null"
  readonly limits?: Partial<DmServiceLimits>
  /** Zone of the local time texts. Default `America/Chicago`. */
  readonly timeZone?: string
  /** Default: the system's. */
  readonly clock?: Clock
  /** Of the identifiers. Default: a random one. */
  readonly seed?: number
  /** The same table as the client's, where a site has corrected it. */
  readonly routes?: DmRoutes
}

/** Seconds of simulated work. */
export interface DmTiming {
  /** Before a job runs. Default 0.1. */
  readonly pending: number
  /** Between the last stage and the end of a job. Default 0.05. */
  readonly finalizing: number
  /** A scripted command without `seconds`. Default 0.05. */
  readonly command: number
  /** Between two looks at a watched directory. Default 0.2. */
  readonly poll: number
  /** Per transferred file. Default 0. */
  readonly file: number
}

export interface DmServiceLimits {
  /** Request line and headers. Default 65,536 bytes, as web servers commonly do: documents travel in the URL. */
  readonly headerBytes: number
  /** Default 65,536. */
  readonly bodyBytes: number
}

export const defaultTiming: DmTiming = { pending: 0.1, finalizing: 0.05, command: 0.05, poll: 0.2, file: 0 }
export const defaultLimits: DmServiceLimits = { headerBytes: 65_536, bodyBytes: 65_536 }
export const defaultUser: DmUser = { username: "s255user", password: "simulated" }
