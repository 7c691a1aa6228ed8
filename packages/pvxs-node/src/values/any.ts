import type { FieldType } from "./field-type.ts"
import { toJson } from "./plain.ts"

/** The content of a variant field: a value together with its type. */
export class PvAny<T = unknown> {
  readonly type: FieldType
  readonly value: T

  constructor(type: FieldType, value: T) {
    this.type = type
    this.value = value
  }

  toJSON(): unknown {
    return toJson(this.value)
  }
}
