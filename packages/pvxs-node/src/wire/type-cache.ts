import { PvaProtocolError } from "../errors.ts"
import type { FieldType } from "../values/field-type.ts"

/** A description with what it costs: nodes in full, and levels of nesting. */
export interface KnownType {
  readonly type: FieldType
  readonly nodes: number
  readonly depth: number
}

/**
 * Descriptions a peer has defined on this connection, by id (specification, "Introspection data"). One per
 * connection and direction.
 */
export class TypeCache {
  readonly #known = new Map<number, KnownType>()

  get(id: number): KnownType {
    const known = this.#known.get(id)
    if (known === undefined) throw new PvaProtocolError(`type id ${id} was never defined on this connection`)
    return known
  }

  set(id: number, known: KnownType): void {
    this.#known.set(id, known)
  }
}
