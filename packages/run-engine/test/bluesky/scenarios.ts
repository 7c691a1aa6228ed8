/** The plans of the recordings, by the same names. */
import { bp, bpp, bps, type Metadata, type Msg, msg, type Plan } from "../../src/index.ts"
import { Detector, Failing, type Kit, kit } from "./kit.ts"

type Make = (k: Kit) => Plan<unknown>

export const plans: Record<string, Make> = {
  count: ({ d }) => bp.count([d]),
  "count three of two detectors": ({ d, e }) => bp.count([d, e], 3),
  "count with delay": ({ d }) => bp.count([d], 3, { delay: 0.02 }),
  "count with a list of delays": ({ d }) => bp.count([d], 3, { delay: [0.02, 0.01] }),
  scan: ({ d, m }) => bp.scan([d], m, -1, 1, 3),
  "scan of two motors": ({ d, e, x, y }) => bp.scan([d, e], x, -1, 1, y, 10, 20, 3),
  "scan of one point": ({ d, x }) => bp.scan([d], x, 2, 4, 1),
  rel_scan: ({ d, m }) => bp.relScan([d], m, -1, 1, 3),
  list_scan: ({ d, x, y }) => bp.listScan([d], x, [1, 4, 2], y, [3, 3, 5]),
  rel_list_scan: ({ d, m }) => bp.relListScan([d], m, [0, 1]),
  grid_scan: ({ d, x, y }) => bp.gridScan([d], x, 0, 1, 2, y, 0, 2, 3),
  "grid_scan snaked": ({ d, x, y }) => bp.gridScan([d], x, 0, 2, 3, y, 0, 1, 2, { snakeAxes: true }),
  "grid_scan of three axes": ({ d, x, y, z }) => bp.gridScan([d], x, 0, 1, 2, y, 0, 1, 2, z, 0, 2, 3),
  "grid_scan of three axes, all snaked": ({ d, x, y, z }) =>
    bp.gridScan([d], x, 0, 1, 2, y, 0, 1, 2, z, 0, 2, 3, { snakeAxes: true }),
  "grid_scan of three axes, the middle one snaked": ({ d, x, y, z }) =>
    bp.gridScan([d], x, 0, 1, 2, y, 0, 1, 2, z, 0, 2, 3, { snakeAxes: [y] }),
  rel_grid_scan: ({ d, m, y }) => bp.relGridScan([d], m, 0, 1, 2, y, 0, 1, 2),
  list_grid_scan: ({ d, x, y }) => bp.listGridScan([d], x, [1, 2], y, [7, 5, 3], { snakeAxes: true }),
  rel_list_grid_scan: ({ d, m, y }) => bp.relListGridScan([d], m, [1, 2], y, [7, 5]),
  log_scan: ({ d, x }) => bp.logScan([d], x, 0, 2, 3),
  rel_log_scan: ({ d, m }) => bp.relLogScan([d], m, 0, 1, 2),
  spiral: ({ d, x, y }) =>
    bp.spiral([d], { x, y, xCenter: 1, yCenter: 2, xRange: 3, yRange: 4, dr: 1, nth: 3 }),
  "spiral leaning": ({ d, x, y }) =>
    bp.spiral([d], { x, y, xRange: 3, yRange: 4, dr: 1, nth: 3, drY: 2, tilt: 0.3 }),
  spiral_fermat: ({ d, x, y }) =>
    bp.spiralFermat([d], { x, y, xCenter: 1, yCenter: 2, xRange: 2, yRange: 3, dr: 1, factor: 1.5 }),
  "spiral_fermat leaning": ({ d, x, y }) =>
    bp.spiralFermat([d], { x, y, xRange: 4, yRange: 4, dr: 1, factor: 1.5, drY: 1.2, tilt: 0.1 }),
  "spiral_square even by odd": ({ d, x, y }) =>
    bp.spiralSquare([d], { x, y, xCenter: 1, yCenter: 2, xRange: 3, yRange: 4, xNum: 4, yNum: 3 }),
  "spiral_square odd by even": ({ d, x, y }) =>
    bp.spiralSquare([d], { x, y, xRange: 3, yRange: 4, xNum: 3, yNum: 4 }),
  rel_spiral: ({ d, m, y }) => bp.relSpiral([d], { x: m, y, xRange: 2, yRange: 2, dr: 1, nth: 3 }),
  rel_spiral_fermat: ({ d, m, y }) =>
    bp.relSpiralFermat([d], { x: m, y, xRange: 2, yRange: 2, dr: 1, factor: 1.5 }),
  rel_spiral_square: ({ d, m, y }) =>
    bp.relSpiralSquare([d], { x: m, y, xRange: 2, yRange: 2, xNum: 2, yNum: 2 }),
  fly: ({ f }) => bp.fly([f]),
  mv: ({ x, y }) => bps.mv(x, 1, y, 2),
  mvr: ({ m }) => bps.mvr(m, 2),
  rd: ({ d, m }) => bpp.pchain(bps.rd(m), bps.rd(d)),
  baseline: ({ d, m }) => bpp.baseline([m], bp.count([d])),
  monitor: ({ d, e }) => bpp.monitorDuring([e], bp.count([d])),
  "fly during": ({ d, f }) => bpp.flyDuring([f], bpp.run({}, bps.triggerAndRead([d], "still"))),
  "lazily staged": ({ d, x }) => bpp.lazilyStage(bpp.pchain(bps.absSet(x, 1), bps.read(d))),
  "configured in between": function* ({ d }) {
    yield* bps.openRun()
    yield* bps.triggerAndRead([d])
    yield* bps.configure(d, { gain: 2 })
    yield* bps.triggerAndRead([d])
    yield* bps.closeRun()
  },
  "two runs at once": function* ({ d, e }) {
    const close = { exitStatus: null, reason: null }
    yield msg("open_run", null, [], { which: 1 }, "one")
    yield msg("open_run", null, [], { which: 2 }, "two")
    yield* bpp.setRunKey("one", bps.triggerAndRead([d]))
    yield* bpp.setRunKey("two", bps.triggerAndRead([e]))
    yield* bpp.setRunKey("one", bps.triggerAndRead([d]))
    yield msg("close_run", null, [], close, "one")
    yield msg("close_run", null, [], close, "two")
  },
}

const closing = () => msg("close_run", null, [], { exitStatus: null, reason: null })
const create = (name: string) => msg("create", null, [], { name })

const alone = (...messages: Msg[]): Make =>
  function* () {
    for (const message of messages) yield message
  }

const inRun = (...messages: Msg[]): Make =>
  alone(msg("open_run", null, [], {} as Metadata), ...messages, closing())

function* boom({ d }: Kit): Plan {
  yield* bps.triggerAndRead([d])
  throw new Error("boom")
}

const { d, f } = kit()

export const errors: Record<string, Make> = {
  "second open_run": inRun(msg("open_run", null, [], {})),
  "close_run without run": alone(closing()),
  "create without run": alone(create("primary")),
  "save without run": alone(msg("save")),
  "drop without run": alone(msg("drop")),
  "monitor without run": alone(msg("monitor", d)),
  "kickoff without run": alone(msg("kickoff", f)),
  "collect without run": alone(msg("collect", f, [[]], { stream: false, returnPayload: false, name: null })),
  "save without create": inRun(msg("save")),
  "second create": inRun(create("primary"), create("other")),
  "checkpoint in a bundle": inRun(create("primary"), msg("checkpoint")),
  "configure in a bundle": inRun(create("primary"), msg("configure", d, [{ gain: 2 }])),
  "monitored twice": inRun(msg("monitor", d, [], { name: "a" }), msg("monitor", d, [], { name: "b" })),
  "unknown command": inRun(msg("nonsense" as never)),
  "empty bundle": inRun(create("primary"), msg("save")),
  "a key from two devices": () =>
    bpp.run({}, bps.triggerAndRead([new Detector("a", ["k"]), new Detector("b", ["k"])])),
  "a stream with other objects": ({ d, e }) =>
    bpp.run({}, bpp.pchain(bps.triggerAndRead([d]), bps.triggerAndRead([e]))),
  "a failing trigger": () => bp.count([new Failing("d")]),
  "an error in a wrapped plan": k => bpp.run({}, boom(k)),
  "an error in a plan that is not wrapped": function* (k) {
    yield* bps.openRun()
    yield* boom(k)
  },
  "an error in a relative scan": ({ m }) => bp.relScan([new Failing("d")], m, -1, 1, 3),
}

/** The scan that is paused before the message at `position`, counted from 1. */
export function pausing({ d, m }: Kit, position: number): Plan<unknown> {
  let count = 0
  function* head(message: Msg): Plan<unknown> {
    yield msg("pause", null, [], { defer: false })
    return yield message
  }
  return bpp.planMutator(bp.relScan([d], m, -1, 1, 2), message =>
    ++count === position ? { head: head(message) } : null,
  )
}
