/** Serves simulated records over Channel Access: one PV for each field, and what clients write goes to the record. */
import { type CaServer, type PvMetadata, type PvType, ServerPv } from "node-epics-ca"
import type { FieldSpec } from "./records/field.ts"
import type { FieldMetadata, SimRecord } from "./records/record.ts"

/** Channel Access name of a field; the value is known by the record's name alone, and by `.VAL` too. */
export const fieldName = (record: string, field: string): string =>
  field === "VAL" ? record : `${record}.${field}`

/** Adds a record to a server. From now on the server's clients see and operate it. */
export function serveCaRecord(server: CaServer, record: SimRecord): void {
  const pvs = new Map<string, ServerPv>()
  for (const [field, spec] of Object.entries(record.table)) {
    const pv = new ServerPv(fieldName(record.name, field), {
      ...pvMetadata(spec, record.metadata(field)),
      type: spec.type as PvType,
      value: record.read(field) ?? spec.initial,
      access: spec.readOnly ? "read" : "read-write",
      recordType: record.type,
      severity: record.alarm.severity,
      status: record.alarm.status,
      onPut: value => record.write(field, value as number | string),
    })
    pvs.set(field, server.add(pv))
  }
  record.serve({
    posted: (field, value, alarm, time) => pvs.get(field)?.post(value, { ...alarm, timestamp: time }),
    described: () => {
      for (const [field, pv] of pvs) {
        const spec = record.table[field]
        if (spec !== undefined) pv.describe(pvMetadata(spec, record.metadata(field)))
      }
    },
  })
}

function pvMetadata(spec: FieldSpec, { units, precision, limits }: FieldMetadata): PvMetadata {
  return {
    ...(spec.choices && { enumStrings: spec.choices }),
    ...(units !== undefined && { units }),
    ...(precision !== undefined && { precision }),
    ...(limits && { limits: { display: limits, control: limits } }),
  }
}
