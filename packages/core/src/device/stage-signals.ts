import { OphydError, toError } from "../errors.ts"
import { SignalRW } from "../signal/writable.ts"
import type { Component } from "./component.ts"

/** A device was staged while it is staged. */
export class RedundantStaging extends OphydError {
  constructor(who: string) {
    super("REDUNDANT_STAGING", `${who}: is staged already, unstage it first`)
  }
}

/** Several things failed while a device was staged, unstaged or stopped. `errors` holds each. */
export class DeviceErrors extends OphydError {
  readonly errors: readonly Error[]

  constructor(who: string, verb: string, errors: readonly Error[]) {
    super("DEVICE_ERRORS", `${who}: ${verb}: ${errors.map(e => e.message).join("; ")}`, { cause: errors[0] })
    this.errors = errors
  }
}

/** Throws what went wrong, if anything did; a single error as it is. */
export function throwAll(who: string, verb: string, errors: readonly Error[]): void {
  if (errors.length > 1) throw new DeviceErrors(who, verb, errors)
  if (errors[0] !== undefined) throw errors[0]
}

interface Entry {
  target: SignalRW<unknown> | string
  value: unknown
}

/**
 * The values that `stage` writes, in order: order matters where one write changes what another one means. Targets are signals, or
 * paths of fields such as `cam.imageMode` for signals that do not exist yet.
 */
export class StageSignals {
  readonly #owner: Component
  readonly #entries: Entry[] = []
  #restore: { signal: SignalRW<unknown>; value: unknown }[] = []

  constructor(owner: Component) {
    this.#owner = owner
  }

  get size(): number {
    return this.#entries.length
  }

  /** Adds a write at the end; one that exists for this target keeps its place and gets the new value. */
  set<T>(target: SignalRW<T>, value: NoInfer<T>): this
  set(path: string, value: unknown): this
  set(target: unknown, value: unknown): this {
    const entry = { target: target as Entry["target"], value }
    const found = this.#entries.find(e => e.target === target)
    if (found === undefined) this.#entries.push(entry)
    else found.value = value
    return this
  }

  /** Like `set`, but the write comes first. */
  setFirst<T>(target: SignalRW<T>, value: NoInfer<T>): this {
    this.delete(target)
    this.#entries.unshift({ target: target as Entry["target"], value })
    return this
  }

  delete(target: SignalRW<unknown> | string): boolean {
    const at = this.#entries.findIndex(e => e.target === target)
    if (at >= 0) this.#entries.splice(at, 1)
    return at >= 0
  }

  clear(): void {
    this.#entries.length = 0
  }

  /** Reads all present values together, then writes one after the other. On failure, `restore` undoes what was written. */
  async apply(): Promise<void> {
    const writes = this.#entries.map(({ target, value }) => ({ signal: this.#resolve(target), value }))
    const before = await Promise.all(writes.map(async ({ signal }) => (await signal.locate()).setpoint))
    for (const [i, { signal, value }] of writes.entries()) {
      const setting = signal.set(value)
      // A write that fails may have been half done, so it is restored as well if it got as far as the server.
      this.#restore.push({ signal, value: before[i] })
      await setting
    }
  }

  /** Writes the remembered values back in reverse order; goes on after a failure and gives the errors. */
  async restore(): Promise<Error[]> {
    const errors: Error[] = []
    for (const { signal, value } of this.#restore.splice(0).reverse()) {
      try {
        await signal.set(value)
      } catch (thrown) {
        errors.push(toError(thrown))
      }
    }
    return errors
  }

  #resolve(target: Entry["target"]): SignalRW<unknown> {
    const signal = typeof target === "string" ? find(this.#owner, target) : target
    if (signal instanceof SignalRW) return signal
    throw new OphydError(
      "NO_SUCH_SIGNAL",
      `${this.#owner.name}: stage signal ${String(target)} is no writable signal`,
    )
  }
}

/** The component at a path of fields. */
export function find(owner: Component, path: string): Component | undefined {
  let at: Component | undefined = owner
  for (const field of path.split(".")) at = at?.children.get(field)
  return at
}
