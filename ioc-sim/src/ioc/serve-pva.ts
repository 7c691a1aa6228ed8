/**
 * Serves simulated records over pvAccess, as QSRV does: one PV for each field. A put completes when the record has
 * taken the value, or, with `record[block=true]`, when all that it started is over.
 */
import { conditionText } from "node-epics-ca"
import { field as memberOf, type PutRequest, type PvaServer, SharedPv, type StructureType } from "pvxs-node"
import { choiceType, displayForms, numberType, stringType } from "./qsrv-types.ts"
import type { Alarm, FieldSpec, FieldType } from "./records/field.ts"
import type { FieldMetadata, SimRecord } from "./records/record.ts"
import { fieldName } from "./serve-ca.ts"

const types: Readonly<Record<FieldType, StructureType>> = {
  double: numberType("double"),
  long: numberType("int"),
  short: numberType("short"),
  string: stringType,
  enum: choiceType,
}

/** A served field that can be taken away from its clients and brought back. */
export interface ServedField {
  disconnect(): void
  reconnect(): void
}

/** Adds a record to a server, its value under the record's name and under `.VAL`. Gives its fields by PV name. */
export function servePvaRecord(server: PvaServer, record: SimRecord): Map<string, ServedField> {
  const pvs = new Map<string, SharedPv>()
  const served = new Map<string, ServedField>()
  for (const [field, spec] of Object.entries(record.table)) {
    const present = (): object => ({
      value: shown(spec, record.read(field) ?? spec.initial),
      ...describe(spec.type, record.metadata(field), record.read("DESC")),
      ...stampOf(record.alarm, Date.now() / 1000),
    })
    const onPut = spec.readOnly ? {} : { onPut: (put: PutRequest) => write(record, field, spec, put) }
    const type = types[spec.type]
    const pv = new SharedPv(type, { value: present() as never, ...onPut })
    server.add(fieldName(record.name, field), pv)
    if (field === "VAL") server.add(`${record.name}.VAL`, pv)
    pvs.set(field, pv)
    served.set(fieldName(record.name, field), {
      disconnect: () => pv.close(),
      reconnect: () => pv.open(type, present() as never),
    })
  }
  record.serve({
    posted: (field, value, alarm, time) => {
      const spec: FieldSpec | undefined = record.table[field]
      if (spec !== undefined) post(pvs.get(field), { value: shown(spec, value), ...stampOf(alarm, time) })
    },
    described: () => {
      for (const [field, pv] of pvs) {
        const spec: FieldSpec | undefined = record.table[field]
        if (spec !== undefined) post(pv, describe(spec.type, record.metadata(field), record.read("DESC")))
      }
    },
  })
  return served
}

/** Types of fields are known when the beamline runs, not when it is compiled. A PV that is disconnected has no clients. */
function post(pv: SharedPv | undefined, changes: object): void {
  if (pv?.isOpen) pv.post(changes as never)
}

async function write(record: SimRecord, field: string, spec: FieldSpec, put: PutRequest): Promise<void> {
  const written = spec.type === "enum" ? memberOf(put.value, "value", "index") : memberOf(put.value, "value")
  const completion = record.write(field, written as number | string)
  if (put.options["block"] === "true") await completion
}

function shown(spec: FieldSpec, value: number | string): unknown {
  return spec.type === "enum" ? { index: value, choices: spec.choices ?? [] } : value
}

function stampOf({ severity, status }: Alarm, time: number): object {
  const secondsPastEpoch = Math.floor(time)
  return {
    // The class of trouble is the record's; its Channel Access condition goes into the text, as in QSRV.
    alarm: { severity, status: severity === 0 ? 0 : 3, message: severity === 0 ? "" : conditionText(status) },
    timeStamp: { secondsPastEpoch, nanoseconds: Math.round((time - secondsPastEpoch) * 1e9) % 1e9 },
  }
}

function describe(
  type: FieldType,
  { units = "", precision = 0, limits = [0, 0] }: FieldMetadata,
  description: unknown,
): object {
  if (type === "enum") return { display: { description } }
  if (type === "string") return { display: { description, units } }
  const [limitLow, limitHigh] = limits
  const form = { index: 0, choices: displayForms }
  return {
    display: { description, units, precision, limitLow, limitHigh, form },
    control: { limitLow, limitHigh },
  }
}
