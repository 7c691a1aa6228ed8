import type { FieldType } from "./field-type.ts"

/** The content of a variant field: a value together with its type. */
export class PvAny<T = unknown> {
  readonly type: FieldType
  readonly value: T

  constructor(type: FieldType, value: T) {
    this.type = type
    this.value = value
  }

  toJSON(): unknown {
    return this.value
  }
}
