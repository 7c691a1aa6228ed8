/** Serves what belongs together as one PV over pvAccess, as QSRV does with the groups of the databases in `db/`. */
import { ntTable, type PvaServer, SharedPv, structure } from "pvxs-node"
import type { Beamline } from "./beamline.ts"
import { numberType } from "./qsrv-types.ts"
import { present, stampOf } from "./serve-pva.ts"

const position = numberType("double")
const stageType = structure("", { m1: position, m2: position, m3: position })

/** Columns in the order in which QSRV puts them, that of their names. */
const columns = ["counts", "m1", "m2", "m3", "monitor"] as const
const pointsType = ntTable({
  counts: "double",
  m1: "double",
  m2: "double",
  m3: "double",
  monitor: "double",
})
const rowsKept = 1000

/** Adds `stage`, the positions of the motors, and `det:Points`, a table of the newest exposures. */
export function serveGroups(server: PvaServer, prefix: string, beamline: Beamline): void {
  serveStage(server, `${prefix}stage`, beamline)
  servePoints(server, `${prefix}det:Points`, beamline)
}

function serveStage(server: PvaServer, name: string, { motors }: Beamline): void {
  const entries = Object.entries(motors)
  const whole = entries.map(([axis, record]) => {
    const spec = record.table.RBV
    return [axis, present({ name: `${record.name}.RBV`, record: record as never, field: "RBV", spec })]
  })
  const pv = new SharedPv(stageType, { value: Object.fromEntries(whole) })
  server.add(name, pv)
  for (const [axis, record] of entries) {
    record.serve({
      posted: (field, value, alarm, time) => {
        if (field === "RBV") pv.post({ [axis]: { value, ...stampOf(alarm, time) } } as never)
      },
      described: () => {
        const { units, precision } = record.metadata("RBV")
        pv.post({ [axis]: { display: { units, precision } } } as never)
      },
    })
  }
}

function servePoints(server: PvaServer, name: string, { motors, detector }: Beamline): void {
  const rows: Record<(typeof columns)[number], number>[] = []
  const pv = new SharedPv(pointsType, { value: { labels: columns } })
  server.add(name, pv)
  detector.counts.serve({
    // The counts are the last to be known of an exposure.
    posted: (field, counts, alarm, time) => {
      if (field !== "VAL") return
      const [m1, m2, m3] = [motors.m1.get("RBV"), motors.m2.get("RBV"), motors.m3.get("RBV")]
      rows.push({ counts: Number(counts), m1, m2, m3, monitor: detector.monitor.value })
      if (rows.length > rowsKept) rows.shift()
      const value = Object.fromEntries(
        columns.map(column => [column, Float64Array.from(rows, row => row[column])]),
      )
      pv.post({ value, ...stampOf(alarm, time) } as never)
    },
    described: () => {},
  })
}
