/** Serves simulated records over Channel Access: a PV is made when a client wants it, and what is written goes to the record. */
import { type CaServer, type PvInput, type PvMetadata, type PvType, ServerPv } from "node-epics-ca"
import type { Directory, NamedField } from "./directory.ts"
import {
  type Alarm,
  type ArrayContent,
  type Content,
  charsOf,
  type ElementType,
  type FieldSpec,
  type FieldType,
  textOf,
} from "./records/field.ts"
import type { FieldMetadata } from "./records/record.ts"
import { ServedPvs } from "./served-pvs.ts"

const types: Readonly<Record<Exclude<FieldType, "array">, PvType>> = {
  double: "double",
  long: "long",
  ulong: "double",
  short: "short",
  string: "string",
  enum: "enum",
  chars: "char",
}

/** Channel Access has no unsigned numbers but bytes: an IOC serves them as the next larger type, as for `ulong`. */
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
  readonly #pvs = new ServedPvs<ServerPv>({
    make: makePv,
    posted,
    again: (pv, timestamp) => pv.postAlarm({ timestamp }),
    described,
  })

  constructor(server: CaServer, directory: Directory) {
    this.#server = server
    server.provide(name => {
      const named = directory.find(name)
      return named && this.#pvs.get(named)
    })
  }

  /** Ends the channels of clients to a PV, which the directory has taken away. */
  disconnect(named: NamedField): void {
    const pv = this.#pvs.known(named)
    if (pv !== undefined) this.#server.disconnect(pv)
  }
}

function makePv({ name, record, field, spec }: NamedField): ServerPv {
  const pv = new ServerPv(name, {
    ...pvMetadata(spec, record.metadata(field)),
    type: spec.type === "array" ? arrayTypes[spec.elements ?? "DOUBLE"] : types[spec.type],
    value: shown(spec, record.read(field) ?? spec.initial),
    ...(spec.length !== undefined &&
      (spec.type === "string" ? { maxLength: spec.length } : { maxCount: spec.length })),
    access: spec.readOnly ? "read" : "read-write",
    recordType: record.type,
    severity: record.alarm.severity,
    status: record.alarm.status,
    timestamp: record.time,
    // The record posts what it takes, when it takes it: a put may have to wait for its turn.
    postPuts: false,
    onPut: (value, context) => {
      const content = taken(spec, value as Content)
      if (context.notify) return record.put(field, content, context)
      void record.write(field, content)
    },
  })
  return pv as ServerPv
}

function posted(pv: ServerPv, { spec }: NamedField, value: Content, alarm: Alarm, timestamp: number): void {
  pv.post(shown(spec, value), { ...alarm, timestamp })
}

function described(pv: ServerPv, { record, field, spec }: NamedField): void {
  pv.describe(pvMetadata(spec, record.metadata(field)))
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
    // An IOC takes any number of digits.
    ...(precision !== undefined && { precision: Math.max(0, precision) }),
    ...(limits && { limits: { display: limits, control: limits } }),
  }
}
