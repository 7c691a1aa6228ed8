/** The lines of the pvAccess table. */
import type { Client } from "./clients.ts"

/** One measurement, and what of its result is shown. */
export interface Figure {
  mode: string
  server: "softIoc" | "scanned" | "bare"
  /** With whom ours is compared. Absent: p4p and epics-tca. */
  peers?: readonly Client[]
  /** The peers' measurement, where it has another name. */
  peerMode?: string
  lines: { name: string; unit: string; part?: string }[]
}

export const clients: readonly Client[] = ["p4p", "epics-tca"]

const stream = (name: string): Figure["lines"] => [
  { name, unit: "1/s", part: "rate" },
  { name: "  processor time per update", unit: "µs", part: "cpuPerUpdate" },
]

const bareSocket = (mode: string): Figure => ({
  mode,
  server: "bare",
  peers: ["a bare socket"],
  peerMode: "bare-socket",
  lines: [{ name: "  the same", unit: "1/s", part: "rate" }],
})

export const figures: readonly Figure[] = [
  {
    mode: "connect-1000",
    server: "softIoc",
    lines: [{ name: "connect 1,000 channels, get each", unit: "s" }],
  },
  {
    mode: "connect-10000",
    server: "softIoc",
    lines: [{ name: "connect 10,000 channels, get each", unit: "s" }],
  },
  { mode: "get", server: "softIoc", lines: [{ name: "get, one after the other", unit: "1/s" }] },
  {
    // epics-tca takes no options in a request, so it can not ask for completion.
    mode: "put",
    server: "softIoc",
    peers: ["p4p"],
    lines: [{ name: "put with completion, one after the other", unit: "1/s" }],
  },
  { mode: "get-bulk", server: "softIoc", lines: [{ name: "get, 1,000 in flight", unit: "1/s" }] },
  { mode: "array", server: "softIoc", lines: [{ name: "get of 1 M doubles", unit: "MB/s" }] },
  {
    mode: "memory",
    server: "softIoc",
    peers: [],
    lines: [{ name: "heap per monitored scalar", unit: "B" }],
  },
  { mode: "flood", server: "bare", lines: stream("monitor of a flood of scalars") },
  {
    mode: "scanned",
    server: "scanned",
    lines: stream("monitor of 2,000 records, scanned 10 times a second"),
  },
  { mode: "image", server: "bare", lines: stream("monitor of images, 1024 × 1024 × 16 bit") },
  bareSocket("image"),
  {
    mode: "image-reused",
    server: "bare",
    peers: ["p4p"],
    peerMode: "image",
    lines: stream("monitor of images, memory used again"),
  },
  bareSocket("image-reused"),
  // epics-tca does not put segments together: it never sees an image.
  { mode: "segmented", server: "bare", peers: ["p4p"], lines: stream("monitor of images in segments") },
  {
    mode: "segmented-reused",
    server: "bare",
    peers: ["p4p"],
    peerMode: "segmented",
    lines: stream("monitor of images in segments, memory used again"),
  },
  {
    mode: "latency",
    server: "bare",
    peers: [],
    lines: [{ name: "lateness of a scalar while images stream, 99th percentile", unit: "ms" }],
  },
]
