import type { DmService } from "@ophyd-ts/aps-dm"

/** One request that the service has seen. Holds no argument, so no secret. */
export interface DmRequestRecord {
  /** s since 1970. */
  readonly time: number
  readonly service: DmService | "any"
  readonly verb: string
  /** Name in the route table; empty when no route fits. */
  readonly call: string
  /** HTTP status; 0 when the connection was broken on purpose. */
  readonly status: number
  /** 0: good. */
  readonly dmStatusCode: number
}

const kept = 10_000

/** The last requests, oldest first. */
export class RequestLog {
  readonly #records: DmRequestRecord[] = []

  get records(): readonly DmRequestRecord[] {
    return this.#records
  }

  /** How many requests of a call there were. */
  count(call: string): number {
    return this.#records.filter(record => record.call === call).length
  }

  add(record: DmRequestRecord): void {
    this.#records.push(record)
    if (this.#records.length > kept) this.#records.shift()
  }

  clear(): void {
    this.#records.length = 0
  }
}
