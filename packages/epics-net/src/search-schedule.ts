import type { Clock, Random } from "./clock.ts"

/** A name that is looked for. The fields belong to the schedule. */
export interface SearchEntry {
  /** The set that holds the entry just now; undefined when it is not looked for. */
  searchPlace: Set<SearchEntry> | undefined
  /** Searches sent since it was added. */
  searchAttempts: number
  /** @internal */
  searchWindow: number
}

export interface SearchScheduleOptions<T extends SearchEntry> {
  clock: Clock
  random: Random
  /** Sends one search for each entry. */
  send(entries: readonly T[]): void
  /** Seconds from the first search to the second; doubles from there. Default 0.05. */
  firstDelay?: number
  /** Seconds between searches at most. Default 30. */
  maxDelay?: number
  /** Names that may be without answer before the next ones wait for `pace`. Default 1000. */
  window?: number
  /** Seconds to wait for the answers of a window. Default 0.03. */
  pace?: number
}

/**
 * Says when to search for which names. A new name is searched at the end of the turn of the event loop that added it, together with
 * all others of that turn; then after delays that double up to a maximum, with jitter, for ever. Names of similar age
 * share their rounds and so their datagrams. A storm of new names goes out window by window: the next as soon as most of the
 * last were answered. One more name never changes the pace of the others.
 */
export class SearchSchedule<T extends SearchEntry> {
  readonly #options: SearchScheduleOptions<T> & {
    firstDelay: number
    maxDelay: number
    window: number
    pace: number
  }
  /** Entries by the number of searches they had. */
  readonly #lanes: Lane[] = []
  readonly #holds = new Set<Hold>()
  /** To be sent now. */
  readonly #queue = new Set<SearchEntry>()
  #window = 0
  #unanswered = 0
  #draining = false
  #cancelPace: (() => void) | undefined
  #closed = false

  constructor(options: SearchScheduleOptions<T>) {
    this.#options = { firstDelay: 0.05, maxDelay: 30, window: 1000, pace: 0.03, ...options }
  }

  /** Looks for an entry from now on. */
  add(entry: T): void {
    this.remove(entry)
    entry.searchAttempts = 0
    this.#place(entry, this.#queue)
    this.#drainSoon()
  }

  /** Looks for these entries after a delay in seconds: the governor after a lost server. */
  addLater(entries: Iterable<T>, seconds: number): void {
    if (this.#closed) return
    const hold: Hold = { entries: new Set(), cancel: () => {} }
    for (const entry of entries) {
      this.remove(entry)
      entry.searchAttempts = 0
      this.#place(entry, hold.entries)
    }
    if (hold.entries.size === 0) return
    this.#holds.add(hold)
    this.#releaseAfter(seconds, hold)
  }

  #releaseAfter(seconds: number, hold: Hold): void {
    hold.cancel = this.#options.clock.after(seconds, () => {
      this.#holds.delete(hold)
      this.#release(hold.entries)
    })
  }

  /** Stops looking: the name was found, or nobody wants it any more. */
  remove(entry: T): void {
    if (entry.searchPlace === undefined) return
    entry.searchPlace.delete(entry)
    entry.searchPlace = undefined
    if (entry.searchWindow !== this.#window) return
    entry.searchWindow = -1
    this.#unanswered -= 1
    if (this.#cancelPace !== undefined && this.#unanswered <= this.#options.window / 4) {
      this.#cancelPace()
      this.#cancelPace = undefined
      this.#drainSoon()
    }
  }

  /** Something new is on the network: search everything again, spread over some seconds; what waits for its time too. */
  hurry(within = 1): void {
    for (const hold of this.#holds) {
      hold.cancel()
      this.#releaseAfter(within * this.#options.random(), hold)
    }
    for (const lane of this.#lanes) {
      if (lane.cancel === undefined) continue
      lane.cancel()
      lane.cancel = this.#options.clock.after(within * this.#options.random(), () => this.#fire(lane))
    }
  }

  /** Names looked for. */
  get size(): number {
    let size = this.#queue.size
    for (const { entries } of [...this.#lanes, ...this.#holds]) size += entries.size
    return size
  }

  /** Stops everything. */
  close(): void {
    this.#closed = true
    this.#cancelPace?.()
    for (const lane of this.#lanes) lane.cancel?.()
    for (const hold of this.#holds) hold.cancel()
    for (const entries of [this.#queue, ...[...this.#lanes, ...this.#holds].map(each => each.entries)]) {
      for (const entry of entries) entry.searchPlace = undefined
      entries.clear()
    }
    this.#holds.clear()
  }

  #place(entry: SearchEntry, place: Set<SearchEntry>): void {
    entry.searchPlace = place
    entry.searchWindow = -1
    place.add(entry)
  }

  #release(entries: Set<SearchEntry>): void {
    for (const entry of entries) this.#place(entry, this.#queue)
    entries.clear()
    this.#drainSoon()
  }

  #drainSoon(): void {
    if (this.#draining || this.#closed || this.#cancelPace !== undefined) return
    this.#draining = true
    this.#options.clock.soon(() => {
      this.#draining = false
      this.#drain()
    })
  }

  #drain(): void {
    if (this.#closed || this.#queue.size === 0) return
    const { window, pace, clock, send } = this.#options
    this.#window += 1
    const batch: SearchEntry[] = []
    for (const entry of this.#queue) {
      batch.push(entry)
      if (batch.length === window) break
    }
    for (const entry of batch) {
      this.#queue.delete(entry)
      const lane = this.#lane(entry.searchAttempts)
      entry.searchAttempts += 1
      this.#place(entry, lane.entries)
      entry.searchWindow = this.#window
      lane.cancel ??= clock.after(lane.delay * (0.75 + this.#options.random() / 2), () => this.#fire(lane))
    }
    this.#unanswered = batch.length
    if (this.#queue.size > 0) {
      this.#cancelPace = clock.after(pace, () => {
        this.#cancelPace = undefined
        this.#drain()
      })
    }
    send(batch as T[])
  }

  #fire(lane: Lane): void {
    lane.cancel = undefined
    this.#release(lane.entries)
  }

  #lane(attempts: number): Lane {
    const { firstDelay, maxDelay } = this.#options
    const last = Math.max(0, Math.ceil(Math.log2(maxDelay / firstDelay)))
    const index = Math.min(attempts, last)
    this.#lanes[index] ??= {
      entries: new Set(),
      delay: Math.min(maxDelay, firstDelay * 2 ** index),
      cancel: undefined,
    }
    return this.#lanes[index]
  }
}

interface Lane {
  entries: Set<SearchEntry>
  delay: number
  cancel: (() => void) | undefined
}

interface Hold {
  entries: Set<SearchEntry>
  cancel: () => void
}
