import type { Datatype } from "../datatypes/datatype.ts"
import type { PutOptions } from "./backend.ts"
import { SoftBackend, type SoftOptions } from "./soft-backend.ts"

/** A write that a mock signal received. */
export interface MockPut<T = unknown> {
  readonly value: T
  readonly completion: boolean
}

/** Answers a write in place of the server; throwing (or rejecting) refuses it. */
export type PutHandler<T> = { answer(value: T, put: MockPut<T>): void | Promise<void> }["answer"]

/** Stands in for a server in tests: records writes and lets the test answer them. */
export class MockBackend<T> extends SoftBackend<T> {
  readonly puts: MockPut<T>[] = []
  /** Replaces the immediate answer. */
  handler: PutHandler<T> | null = null

  constructor(datatype: Datatype<T>, source: string, options: SoftOptions<T> = {}) {
    super(datatype, options, `mock+${source}`)
  }

  override put(value: T, { completion }: PutOptions): Promise<void> | void {
    const put = { value, completion }
    this.puts.push(put)
    this.assign(value)
    return this.handler?.(value, put)
  }
}
