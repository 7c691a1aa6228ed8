import { once } from "node:events"
import { startHdf5Thread } from "../hdf5-thread.ts"
import { DmSimError } from "./errors.ts"

/** Centre of mass of one frame, in pixels from its first one. */
export interface FrameCentre {
  /** `uniqueId` of the frame; its position in the file where that has none. */
  readonly frame: number
  readonly x: number
  readonly y: number
  /** All counts. */
  readonly sum: number
}

/** What is known about a file of frames. */
export interface FrameCentres {
  readonly frames: readonly FrameCentre[]
  /** Positions by motor, as long as `frames`: numbers that the detector has stored with each frame. */
  readonly positions: ReadonlyMap<string, readonly number[]>
}

/** What the thread answers. */
export type FrameCentresReply = { readonly found: FrameCentres } | { readonly error: string }

/**
 * Reads an HDF5 file as area detectors write them, frame by frame, in a thread of its own.
 * @throws DmSimError when it is none, or holds no frames.
 */
export async function frameCentres(path: string): Promise<FrameCentres> {
  const thread = startHdf5Thread(new URL("./frame-centres-thread", import.meta.url))
  try {
    thread.postMessage(path)
    const [reply] = (await once(thread, "message")) as [FrameCentresReply]
    if ("error" in reply) throw new DmSimError("DM_SIM_NO_DATA", `${path}: ${reply.error}`)
    return reply.found
  } finally {
    await thread.terminate()
  }
}

/** The motor that was scanned, if one was: the one that has moved most. */
export function scannedMotor({ positions }: FrameCentres): string | undefined {
  const range = (values: readonly number[]): number => Math.max(...values) - Math.min(...values)
  const [most] = [...positions].sort(([, a], [, b]) => range(b) - range(a))
  return most === undefined || range(most[1]) < 1e-3 ? undefined : most[0]
}
