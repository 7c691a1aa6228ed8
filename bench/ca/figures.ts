/** The lines of the Channel Access table. */
import type { Client } from "./clients.ts"

/** One measurement, and what of its result is shown. */
export interface Figure {
  mode: string
  server: "softIoc" | "bare"
  /** With whom ours is compared. Absent: all four clients. */
  peers?: readonly Client[]
  /** All at the same moment, in place of one after the other. */
  together?: boolean
  /** How long each measures. Default 1. */
  seconds?: number
  /** `own`: ours alone has it. */
  lines: { name: string; unit: string; part?: string; own?: boolean }[]
}

export const clients: readonly Client[] = ["pyepics", "aioca", "epics-tca", "caproto"]

// aioca's event loop gets no turn any more under a stream of updates, and never reports.
const watchers: readonly Client[] = ["pyepics", "epics-tca", "caproto"]

export const figures: readonly Figure[] = [
  {
    mode: "connect-1000",
    server: "softIoc",
    lines: [{ name: "connect 1,000 channels", unit: "s", part: "seconds" }],
  },
  {
    mode: "connect-10000",
    server: "softIoc",
    lines: [{ name: "connect 10,000 channels", unit: "s", part: "seconds" }],
  },
  {
    mode: "memory",
    server: "bare",
    peers: ["pyepics", "epics-tca", "caproto"],
    lines: [{ name: "resident memory per channel", unit: "B" }],
  },
  { mode: "get", server: "softIoc", lines: [{ name: "get, one after the other", unit: "1/s" }] },
  {
    mode: "latency",
    server: "softIoc",
    lines: [
      { name: "latency of a get, median", unit: "µs", part: "p50" },
      { name: "latency of a get, 99th percentile", unit: "µs", part: "p99" },
    ],
  },
  {
    mode: "put",
    server: "softIoc",
    lines: [{ name: "put with completion, one after the other", unit: "1/s" }],
  },
  { mode: "get-bulk", server: "softIoc", lines: [{ name: "get, 1,000 in flight", unit: "1/s" }] },
  { mode: "get-bulk", server: "bare", lines: [{ name: "get, 1,000 in flight, bare server", unit: "1/s" }] },
  {
    mode: "flood",
    server: "bare",
    peers: watchers,
    lines: [
      { name: "monitor of a flood, bare server", unit: "1/s", part: "rate" },
      { name: "  updates lost", unit: "", part: "lost" },
    ],
  },
  {
    mode: "monitor",
    server: "softIoc",
    peers: watchers,
    lines: [
      { name: "monitor of a free-running record", unit: "1/s", part: "rate" },
      { name: "  processor time per update", unit: "µs", part: "cpuPerUpdate" },
    ],
  },
  {
    // A record that runs freely is faster than rsrv sends: rsrv overwrites what waits in its queue. So what is missing is
    // compared with what is missing at our socket already, and with what libca misses at the same moment. A slow client
    // lives on what waits in the buffers of its socket, some seconds long, before it meets the gaps: hence the longer time.
    mode: "monitor-all",
    server: "softIoc",
    peers: ["pyepics"],
    together: true,
    seconds: 5,
    lines: [
      { name: "the same with `all`, beside libca at the same moment", unit: "1/s", part: "rate" },
      { name: "  updates missing, of 100", unit: "", part: "missing" },
      { name: "  updates missing", unit: "", part: "lost", own: true },
      { name: "  of these never sent by rsrv", unit: "", part: "lostBefore", own: true },
      { name: "  lost between socket and loop", unit: "", part: "lostHere", own: true },
    ],
  },
  {
    mode: "array",
    server: "softIoc",
    peers: [...clients, "bare socket"],
    lines: [{ name: "get of 1 M doubles", unit: "MB/s" }],
  },
  {
    mode: "flood-array",
    server: "bare",
    peers: [...clients, "bare socket"],
    lines: [{ name: "get of 1 M doubles, bare server", unit: "MB/s" }],
  },
]
