/**
 * What a plan and the process that a DM workflow has started say to each other over pvAccess. The plan's process
 * serves three PVs; the workflow's process is their client, so that it needs no open port:
 *
 * | PV | who writes | what |
 * |---|---|---|
 * | `<prefix>command` | the plan | what the workflow is to do |
 * | `<prefix>report` | the workflow | how far it is, again and again: its heartbeat |
 * | `<prefix>results` | the workflow | what it has found, in batches |
 *
 * ```
 * waiting ──► starting ──► ready ──► running ──► finished
 *                 │          │          │
 *                 └──────────┴──────────┴──────► error
 * ```
 *
 * `waiting` is what the PV says before anybody wrote. A put of another session, of a second consumer, or of a state
 * that does not follow is refused.
 */
import { structure, t } from "pvxs-node"

/** How far the workflow's process is. */
export const reportStates = ["waiting", "starting", "ready", "running", "finished", "error"] as const
export type ReportState = (typeof reportStates)[number]

/** What may follow each state, besides itself. */
const followers: Readonly<Record<ReportState, readonly ReportState[]>> = {
  waiting: ["starting", "error"],
  starting: ["ready", "error"],
  ready: ["running", "finished", "error"],
  running: ["finished", "error"],
  finished: [],
  error: [],
}

export const isReportState = (text: string): text is ReportState =>
  (reportStates as readonly string[]).includes(text)

/** Whether a report of `next` may come after one of `last`; the same again is a heartbeat. */
export const mayFollow = (last: ReportState, next: ReportState): boolean =>
  followers[last].includes(next) || (last === next && last !== "waiting")

/** The workflow's process has said its last word. */
export const isEndState = (state: ReportState): state is "finished" | "error" =>
  state === "finished" || state === "error"

/**
 * `start`: frames count from now. `stop`: no more frames will come, finish what there is. `abort`: give up. The empty
 * text is what the PV says before the plan has anything to say.
 */
export type StreamCommand = "" | "start" | "stop" | "abort"

/** Value of `<prefix>command`. */
export const commandType = structure("ophyd-ts:dm/command:1.0", {
  /** Which collection; reports and results have to carry it. */
  session: t.string,
  command: t.string,
  /** Why, for people. */
  reason: t.string,
  /** With `stop`: frames that were sent since `start`; -1 when the plan does not know. */
  frames: t.long,
  /** Seconds between two reports. */
  heartbeat: t.double,
})

/** Value of `<prefix>report`. */
export const reportType = structure("ophyd-ts:dm/report:1.0", {
  session: t.string,
  /** Tells one process from another that wants to do the same work. */
  consumer: t.string,
  state: t.string,
  /** Counts up with each report. */
  heartbeat: t.ulong,
  /** For people; with `error`, why. */
  message: t.string,
  /** Frames taken, frames that were seen to be missing in their numbers, frames worked on. */
  received: t.long,
  missed: t.long,
  processed: t.long,
  /** Number (`uniqueId`) of the last frame. */
  lastFrame: t.long,
})

/** Value of `<prefix>results`: some frames with the same numbers for each. */
export const resultsType = structure("ophyd-ts:dm/results:1.0", {
  session: t.string,
  consumer: t.string,
  /** Counts up from 1: a batch that comes a second time, because its answer was lost, is known by it. */
  batch: t.ulong,
  /** Numbers (`uniqueId`) of the frames. */
  frames: t.longs,
  names: t.strings,
  /** As many as there are names for each frame, one frame after the other. */
  values: t.doubles,
})

/** Frames of one batch. */
export const batchLimit = 10_000

/** Names of the three PVs. */
export const pvNames = (prefix: string) => ({
  command: `${prefix}command`,
  report: `${prefix}report`,
  results: `${prefix}results`,
})

/** A report as a program has it. */
export interface StreamReport {
  readonly state: ReportState
  readonly message: string
  readonly received: number
  readonly missed: number
  readonly processed: number
  readonly lastFrame: number
}

export const noReport: StreamReport = {
  state: "waiting",
  message: "",
  received: 0,
  missed: 0,
  processed: 0,
  lastFrame: 0,
}

/** What the workflow has found in one frame. */
export interface FrameResult {
  /** Its `uniqueId`. */
  readonly frame: number
  readonly values: Readonly<Record<string, number>>
}

/** Where the workflow's process finds the plan; travels in the job's arguments. */
export interface StreamAddress {
  /** `host:port` of the plan's pvAccess server; empty or `search` to search as the `EPICS_PVA_…` variables say. */
  readonly address: string
  readonly prefix: string
  readonly session: string
}

/** Where frames come from: an NTNDArray PV. */
export interface FrameSource {
  readonly pv: string
  /** `host:port` of its server; left out, empty or `search` to search as the `EPICS_PVA_…` variables say. */
  readonly address?: string | undefined
}

/** In place of `host:port` in an argument, since DM takes no empty ones: search. */
export const searchAddress = "search"

/** Names of the job's arguments that carry them, for stage commands such as `consume --session $streamSession`. */
export const streamArguments = ({ address, prefix, session }: StreamAddress, data: FrameSource) => ({
  streamAddress: address,
  streamPrefix: prefix,
  streamSession: session,
  dataPv: data.pv,
  dataAddress: data.address || searchAddress,
})
