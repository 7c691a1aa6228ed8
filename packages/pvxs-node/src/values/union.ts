import { toJson } from "./plain.ts"
/** The selected member of a union, by name. Test `name` and the compiler knows the type of `value`. */
export class PvUnion<N extends string = string, T = unknown> {
  readonly name: N
  readonly value: T

  constructor(name: N, value: T) {
    this.name = name
    this.value = value
  }

  toJSON(): unknown {
    return toJson(this.value)
  }
}
