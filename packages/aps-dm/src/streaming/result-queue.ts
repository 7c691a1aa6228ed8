import type { DataKeys, EventCollectable, PartialEvent } from "@ophyd-ts/core"
import { InvalidArgument } from "../errors.ts"
import type { FrameResult } from "./protocol.ts"

/** Results that may wait for the plan; more are refused, and the workflow waits. */
const limit = 1_000_000

/** What a plan expects the workflow to send for each frame: name of a number → its unit. */
export type ResultNames = Readonly<Record<string, { readonly units?: string }>>

/**
 * Results on their way from the workflow into the run: a plan collects them as it does a flyer's points. Their stream
 * has a column for the frame's number and one for each result.
 */
export class ResultQueue implements EventCollectable {
  /** Name of the stream, and first part of the columns' names. */
  readonly name: string
  readonly #names: ResultNames
  readonly #source: string
  #waiting: PartialEvent[] = []
  #total = 0

  constructor(name: string, names: ResultNames, source: string) {
    for (const one of Object.keys(names)) {
      if (!/^[A-Za-z_]\w*$/.test(one) || one === "frame") {
        throw new InvalidArgument(`results: "${one}" cannot be the name of a result`)
      }
    }
    this.name = name
    this.#names = names
    this.#source = source
  }

  /** Results that came, collected or not. */
  get total(): number {
    return this.#total
  }

  /** Results that wait to be collected. */
  get length(): number {
    return this.#waiting.length
  }

  /** @throws InvalidArgument, so that the put is refused: unknown or missing names, or too many that nobody collects. */
  push(results: readonly FrameResult[], time: number): void {
    if (this.#waiting.length + results.length > limit) {
      throw new InvalidArgument(
        `results: ${this.#waiting.length} wait already and the plan does not collect them`,
      )
    }
    const names = Object.keys(this.#names)
    const points = results.map(({ frame, values }): PartialEvent => {
      const given = Object.keys(values)
      if (given.length !== names.length || !names.every(name => name in values)) {
        throw new InvalidArgument(`results: the plan expects ${names.join(", ")}, not ${given.join(", ")}`)
      }
      const data = { [this.#key("frame")]: frame, ...this.#keyed(values) }
      return { time, data, timestamps: Object.fromEntries(Object.keys(data).map(key => [key, time])) }
    })
    this.#waiting.push(...points)
    this.#total += points.length
  }

  describeCollect(): Record<string, DataKeys> {
    const { name } = this
    const column = (dtype: "integer" | "number", units?: string) => ({
      source: this.#source,
      dtype,
      shape: [],
      ...(units === undefined ? {} : { units }),
    })
    const results = Object.entries(this.#names).map(([key, { units }]) => [
      this.#key(key),
      column("number", units),
    ])
    return { [name]: { [this.#key("frame")]: column("integer"), ...Object.fromEntries(results) } }
  }

  /** Hands over what waits. */
  collect(): PartialEvent[] {
    const points = this.#waiting
    this.#waiting = []
    return points
  }

  #key(name: string): string {
    return `${this.name}_${name}`
  }

  #keyed(values: Readonly<Record<string, number>>): Record<string, number> {
    return Object.fromEntries(Object.keys(this.#names).map(name => [this.#key(name), values[name] as number]))
  }
}
