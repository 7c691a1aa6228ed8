/** Serves simulated records over Channel Access: a PV is made when a client wants it, and what is written goes to the record. */
import { type CaServer, type PvInput, type PvMetadata, type PvType, ServerPv } from "node-epics-ca"
import type { Directory, NamedField } from "./directory.ts"
import {
  type ArrayContent,
  type Content,
  charsOf,
  type ElementType,
  type FieldSpec,
  type FieldType,
  textOf,
} from "./records/field.ts"
import type { FieldMetadata, SimRecord } from "./records/record.ts"

const types: Readonly<Record<Exclude<FieldType, "array">, PvType>> = {
  double: "double",
  long: "long",
  short: "short",
  string: "string",
  enum: "enum",
  chars: "char",
}

/** Channel Access has no unsigned numbers but bytes: an IOC serves them as the next larger type. */
const arrayTypes: Readonly<Record<ElementType, PvType>> = {
  CHAR: "char",
  UCHAR: "char",
  SHORT: "short",
  USHORT: "long",
  LONG: "long",
  ULONG: "double",
  FLOAT: "float",
  DOUBLE: "double",
}

/** The records of a directory on a Channel Access server. */
export class RecordsOverCa {
  readonly #server: CaServer
  readonly #pvs = new Map<SimRecord, Map<string, ServerPv>>()

  constructor(server: CaServer, directory: Directory) {
    this.#server = server
    server.provide(name => {
      const named = directory.find(name)
      return named && this.#pv(named)
    })
  }

  /** Ends the channels of clients to a PV, which the directory has taken away. */
  disconnect({ record, field }: NamedField): void {
    const pv = this.#pvs.get(record)?.get(field)
    if (pv !== undefined) this.#server.disconnect(pv)
  }

  #pv(named: NamedField): ServerPv {
    const pvs = this.#served(named.record)
    const known = pvs.get(named.field)
    if (known !== undefined) return known
    const pv = makePv(named)
    pvs.set(named.field, pv)
    return pv
  }

  /** PVs of a record by field; from the first one on they hear of what the record posts. */
  #served(record: SimRecord): Map<string, ServerPv> {
    const known = this.#pvs.get(record)
    if (known !== undefined) return known
    const pvs = new Map<string, ServerPv>()
    this.#pvs.set(record, pvs)
    record.serve({
      posted: (field, value, alarm, time) => {
        const [pv, spec] = [pvs.get(field), record.table[field]]
        if (pv !== undefined && spec !== undefined) pv.post(shown(spec, value), { ...alarm, timestamp: time })
      },
      described: () => {
        for (const [field, pv] of pvs) {
          const spec = record.table[field]
          if (spec !== undefined) pv.describe(pvMetadata(spec, record.metadata(field)))
        }
      },
    })
    return pvs
  }
}

function makePv({ name, record, field, spec }: NamedField): ServerPv {
  const pv = new ServerPv(name, {
    ...pvMetadata(spec, record.metadata(field)),
    type: spec.type === "array" ? arrayTypes[spec.elements ?? "DOUBLE"] : types[spec.type],
    value: shown(spec, record.read(field) ?? spec.initial),
    ...(spec.length !== undefined && { maxCount: spec.length }),
    access: spec.readOnly ? "read" : "read-write",
    recordType: record.type,
    severity: record.alarm.severity,
    status: record.alarm.status,
    timestamp: record.time,
    onPut: value => record.write(field, taken(spec, value as Content)),
  })
  return pv as ServerPv
}

const isChars = (spec: FieldSpec): boolean => spec.type === "chars"

function shown(spec: FieldSpec, value: Content): PvInput {
  if (isChars(spec)) return charsOf(String(value), spec.length ?? 256)
  // The server casts element by element what is of another type than it serves; this is faster for large images.
  return value instanceof Uint16Array ? Int32Array.from(value) : (value as PvInput)
}

const taken = (spec: FieldSpec, value: Content): Content =>
  isChars(spec) ? textOf(value as ArrayContent) : value

function pvMetadata(spec: FieldSpec, { units, precision, limits }: FieldMetadata): PvMetadata {
  return {
    ...(spec.choices && { enumStrings: spec.choices }),
    ...(units !== undefined && { units }),
    ...(precision !== undefined && { precision }),
    ...(limits && { limits: { display: limits, control: limits } }),
  }
}
