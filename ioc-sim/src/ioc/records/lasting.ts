/**
 * Records that go on for a while once they have been written: motor, scaler, busy. They keep puts with completion in order,
 * as the process database of EPICS Base does.
 */
import type { Content, FieldTable } from "./field.ts"
import { type PutWaiter, SimRecord } from "./record.ts"

/** A put with completion that has not been its turn yet. */
interface Turn {
  take(): void
  forget(): void
}

export abstract class LastingRecord<T extends FieldTable> extends SimRecord<T> {
  /** The record belongs to a put with completion. */
  #isOwned = false
  /** Those that come after it, to whatever field and from whichever client. */
  readonly #turns = new Set<Turn>()
  #waiting: (() => void)[] = []

  /** While an earlier put with completion goes on, a further one waits and has written nothing. */
  override put(field: string, value: Content, waiter: PutWaiter): Promise<void> | void {
    if (!this.#isOwned) return this.#begin(field, value, waiter)
    const { signal } = waiter
    return new Promise((resolve, reject) => {
      const turn: Turn = {
        take: () => {
          signal.removeEventListener("abort", turn.forget)
          try {
            resolve(this.#begin(field, value, waiter))
          } catch (error) {
            reject(error)
          }
        },
        forget: () => {
          this.#turns.delete(turn)
          resolve()
        },
      }
      this.#turns.add(turn)
      signal.addEventListener("abort", turn.forget, { once: true })
    })
  }

  override close(): void {
    for (const turn of [...this.#turns]) turn.forget()
    this.over()
  }

  /** Whether something goes on that was written. */
  protected get goesOn(): boolean {
    return this.#waiting.length > 0
  }

  /** Something goes on from now on. Resolves when it is over. */
  protected begun(): Promise<void> {
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  /** What goes on is over: puts that wait for it complete. */
  protected over(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  #begin(field: string, value: Content, waiter: PutWaiter): Promise<void> | void {
    const outcome = super.put(field, value, waiter)
    if (outcome === undefined) return
    // The record goes on with what a client that has gone wanted, but belongs to nobody.
    this.#isOwned = true
    outcome.then(
      () => this.#next(),
      () => this.#next(),
    )
    return outcome
  }

  #next(): void {
    this.#isOwned = false
    for (const turn of this.#turns) {
      this.#turns.delete(turn)
      turn.take()
      if (this.#isOwned) return
    }
  }
}
