/** What a client sees of what it watches, and how much of it in a while. */

export const wait = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** Updates, all together, and those that are known to be missing. */
export class Seen {
  updates = 0
  lost = 0

  /** Sees one after the other the values of a record that counts up by one. */
  follow(): (value: number) => void {
    let last = Number.NaN
    return value => {
      this.updates += 1
      if (value > last + 1) this.lost += value - last - 1
      last = value
    }
  }
}

export interface Watched {
  /** Updates per second. */
  rate: number
  /** Microseconds of processor time. */
  cpuPerUpdate: number
  lost: number
}

/** Counts for `limit` milliseconds, after half a second for what was set off before. */
export async function watch(seen: Seen, limit: number): Promise<Watched> {
  await wait(500)
  seen.updates = 0
  seen.lost = 0
  const cpu = process.cpuUsage()
  const start = performance.now()
  await wait(limit)
  const elapsed = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { rate: seen.updates / elapsed, cpuPerUpdate: (user + system) / seen.updates, lost: seen.lost }
}
