import { PvaProtocolError } from "../errors.ts"
import type { FieldType } from "../values/field-type.ts"
import type { PvaLimits } from "./limits.ts"

/** A description with what it costs: nodes in full, and levels of nesting. */
export interface KnownType {
  readonly type: FieldType
  readonly nodes: number
  readonly depth: number
}

/** All descriptions of a connection together may have so many times the fields that one may have. */
const typesKept = 64

/**
 * Descriptions a peer has defined on this connection, by id (specification, "Introspection data"). One per
 * connection and direction.
 */
export class TypeCache {
  readonly #known = new Map<number, KnownType>()
  readonly #limit: number
  #nodes = 0

  constructor(limits: PvaLimits) {
    this.#limit = typesKept * limits.maxFields
  }

  get(id: number): KnownType {
    const known = this.#known.get(id)
    if (known === undefined) throw new PvaProtocolError(`type id ${id} was never defined on this connection`)
    return known
  }

  set(id: number, known: KnownType): void {
    this.#nodes += known.nodes - (this.#known.get(id)?.nodes ?? 0)
    if (this.#nodes > this.#limit) {
      throw new PvaProtocolError(
        `more than ${this.#limit} fields are described on this connection`,
        "PVA_LIMIT",
      )
    }
    this.#known.set(id, known)
  }
}
