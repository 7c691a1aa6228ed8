/** The names under which the fields of records are served, whatever the protocol. */
import { IocSimError } from "../errors.ts"
import type { FieldSpec } from "./records/field.ts"
import type { SimRecord } from "./records/record.ts"

/** What a PV name stands for. */
export interface NamedField {
  readonly name: string
  readonly record: SimRecord
  readonly field: string
  readonly spec: FieldSpec
}

/** The records of an IOC by PV name, and which of them are taken away. */
export class Directory {
  readonly #records = new Map<string, SimRecord>()
  readonly #missing = new Set<string>()

  constructor(records: Iterable<SimRecord>) {
    for (const record of records) this.#records.set(record.name, record)
  }

  /** Names of all PVs: a record's value by the name of the record, other fields behind a dot. */
  get names(): string[] {
    return [...this.#records.values()].flatMap(record =>
      Object.keys(record.table).map(field => (field === "VAL" ? record.name : `${record.name}.${field}`)),
    )
  }

  /** The field that is served under a name; a value is known as `.VAL` too. */
  find(name: string): NamedField | undefined {
    const named = this.#parse(name)
    return named === undefined || this.#missing.has(named.name) ? undefined : named
  }

  /**
   * Takes a PV away.
   * @throws IocSimError `bad-argument` when there is no such PV.
   */
  remove(name: string): NamedField {
    const named = this.find(name)
    if (named === undefined) throw new IocSimError("bad-argument", `the beamline serves no PV ${name}`)
    this.#missing.add(named.name)
    return named
  }

  /**
   * Brings a PV back.
   * @throws IocSimError `bad-argument` when it was not taken away.
   */
  restore(name: string): NamedField {
    const named = this.#parse(name)
    if (named === undefined || !this.#missing.delete(named.name))
      throw new IocSimError("bad-argument", `PV ${name} was not disconnected`)
    return named
  }

  #parse(name: string): NamedField | undefined {
    const dot = name.lastIndexOf(".")
    const whole = this.#records.get(name)
    const record = whole ?? this.#records.get(name.slice(0, dot))
    const field = whole === undefined ? name.slice(dot + 1) : "VAL"
    const spec = record?.table[field]
    if (record === undefined || spec === undefined) return undefined
    return { name: field === "VAL" ? record.name : `${record.name}.${field}`, record, field, spec }
  }
}
