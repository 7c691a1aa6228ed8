/** PVs of simulated records for one protocol. */
import type { NamedField } from "./directory.ts"
import type { Alarm, Content } from "./records/field.ts"
import type { SimRecord } from "./records/record.ts"

/** What a protocol does with its PVs. */
export interface PvMaker<Pv> {
  make(named: NamedField): Pv
  /** The field was posted. `time` is in seconds since 1970. */
  posted(pv: Pv, named: NamedField, value: Content, alarm: Alarm, time: number): void
  /** The same as before was posted, at another time. */
  again(pv: Pv, time: number): void
  /** Units, digits or limits are not what they were. */
  described(pv: Pv, named: NamedField): void
}

interface Served<Pv> {
  readonly pv: Pv
  readonly named: NamedField
}

/** One PV for each field that somebody has wanted; from then on it hears of what its record posts. */
export class ServedPvs<Pv> {
  readonly #maker: PvMaker<Pv>
  readonly #records = new Map<SimRecord, Map<string, Served<Pv>>>()

  constructor(maker: PvMaker<Pv>) {
    this.#maker = maker
  }

  /** The PV of a field, if it has been made. */
  known({ record, field }: NamedField): Pv | undefined {
    return this.#records.get(record)?.get(field)?.pv
  }

  /** The PV of a field; always the same one. */
  get(named: NamedField): Pv {
    const fields = this.#records.get(named.record) ?? this.#listen(named.record)
    const known = fields.get(named.field)
    if (known !== undefined) return known.pv
    const pv = this.#maker.make(named)
    fields.set(named.field, { pv, named })
    return pv
  }

  #listen(record: SimRecord): Map<string, Served<Pv>> {
    const fields = new Map<string, Served<Pv>>()
    this.#records.set(record, fields)
    record.serve({
      posted: (field, value, alarm, time, again) => {
        const served = fields.get(field)
        if (served === undefined) return
        if (again) this.#maker.again(served.pv, time)
        else this.#maker.posted(served.pv, served.named, value, alarm, time)
      },
      described: () => {
        for (const { pv, named } of fields.values()) this.#maker.described(pv, named)
      },
    })
    return fields
  }
}
