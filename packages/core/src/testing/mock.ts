import { OphydError } from "../errors.ts"
import type { Reading } from "../reading.ts"
import { isAssignable } from "../signal/backend.ts"
import type { Metadata } from "../signal/metadata.ts"
import { MockBackend, type MockPut, type PutHandler } from "../signal/mock-backend.ts"
import type { Signal } from "../signal/signal.ts"

function mockOf<T>(signal: Signal<T>): MockBackend<T> {
  const { backend } = signal
  if (backend instanceof MockBackend) return backend
  throw new OphydError("NOT_A_MOCK", `${signal.name}: is no mock signal, connect it with { mock: true }`)
}

/** Changes the value of a mock or soft signal as its server would. */
export function setMockValue<T>(
  signal: Signal<T>,
  value: NoInfer<T>,
  about: Partial<Omit<Reading<T>, "value">> = {},
): void {
  const { backend } = signal
  if (isAssignable(backend)) backend.assign(value, about)
  else mockOf(signal)
}

/** Gives a mock signal units, precision, limits or labels. */
export function setMockMetadata(signal: Signal<unknown>, metadata: Metadata): void {
  mockOf(signal).metadata = metadata
}

/** The writes that a mock signal received, oldest first. */
export function putsOf<T>(signal: Signal<T>): readonly MockPut<T>[] {
  return mockOf(signal).puts
}

/**
 * Answers the writes of a mock signal: what it throws refuses the write, a promise delays it. The function that this
 * gives goes back to answering at once.
 */
export function onPut<T>(signal: Signal<T>, handler: PutHandler<T>): () => void {
  const mock = mockOf(signal)
  mock.handler = handler
  return () => {
    if (mock.handler === handler) mock.handler = null
  }
}

/** Writes that wait for the test. */
export interface HeldPuts {
  /** How many wait. */
  readonly pending: number
  /** Lets those that wait succeed. */
  release(): void
  /** Refuses those that wait. */
  fail(error: Error): void
  /** Lets those that wait succeed and holds no more. */
  end(): void
}

/** Keeps the writes of a mock signal pending until the test says how they end. */
export function holdPuts(signal: Signal<unknown>): HeldPuts {
  let waiting: { resolve: () => void; reject: (error: Error) => void }[] = []
  const stop = onPut(signal, () => new Promise<void>((resolve, reject) => waiting.push({ resolve, reject })))
  const take = () => {
    const taken = waiting
    waiting = []
    return taken
  }
  const release = () => {
    for (const one of take()) one.resolve()
  }
  return {
    get pending() {
      return waiting.length
    },
    release,
    fail(error) {
      for (const one of take()) one.reject(error)
    },
    end() {
      stop()
      release()
    },
  }
}
