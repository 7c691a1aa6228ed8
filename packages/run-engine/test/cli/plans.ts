/** A plans file as an operator would write it. */
import type { Movable, Readable } from "@ophyd-ts/core"
import { bp, bpp, bps, type Plan } from "../../src/index.ts"
import { peakAt, type SimMotor, simDetector, simMotor } from "../../src/testing/index.ts"

export const motor = simMotor("motor", { limits: [-10, 10] })
export const det = simDetector("det", { value: peakAt(motor, { center: 0.5 }) })
export const notADevice = { name: "settings" }

interface Align {
  detectors: Readable[]
  axis: Movable<number>
  from?: number
  to?: number
  num?: number
}

export function* align({ detectors, axis, from = -1, to = 1, num = 3 }: Align): Plan<void> {
  yield* bp.scan(detectors, axis as SimMotor, from, to, num)
}

export function* broken(): Plan<void> {
  yield* bpp.run({}, function* () {
    yield* bps.triggerAndRead([det])
    throw new Error("no beam", { cause: new Error("shutter closed") })
  })
}

export function* brokenTwice(): Plan<void> {
  try {
    yield* bpp.run({}, function* () {
      yield* bps.triggerAndRead([det])
      throw new Error("no beam")
    })
  } finally {
    yield* bps.call(() => Promise.reject(new Error("camera is away")))
  }
}

/** Goes on until somebody stops it. */
export function* forever(): Plan<void> {
  yield* bpp.run({}, function* () {
    for (;;) {
      yield* bps.checkpoint()
      yield* bps.triggerAndRead([det])
      yield* bps.sleep(0.02)
    }
  })
}

export const closed: string[] = []

export const setup = async ({ command }: { command: string }) => ({
  devices: { stage: { name: "stage", x: motor } },
  plans: { count: bp.count },
  close: () => void closed.push(command),
})
