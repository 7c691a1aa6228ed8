import { open, readFile, stat, unlink, utimes } from "node:fs/promises"
import { hostname } from "node:os"

/** Seconds after which a lock that nobody renews belongs to nobody. */
const staleAfter = 600

/** The right to send a spool's work, held by one process at a time; null while another one has it. */
export async function takeLock(path: string): Promise<Lock | null> {
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      const file = await open(path, "wx", 0o600)
      await file.writeFile(JSON.stringify({ host: hostname(), pid: process.pid }))
      await file.close()
      return new Lock(path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
      if (!(await isStale(path))) return null
      await unlink(path).catch(() => {})
    }
  }
  return null
}

export class Lock implements AsyncDisposable {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /** Says that the holder is alive. */
  async renew(): Promise<void> {
    const now = new Date()
    await utimes(this.#path, now, now).catch(() => {})
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await unlink(this.#path).catch(() => {})
  }
}

/** Its process died, on this machine or, as far as time tells, on another one. */
async function isStale(path: string): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(path)
    if (Date.now() - mtimeMs > staleAfter * 1000) return true
    const { host, pid } = JSON.parse(await readFile(path, "utf8")) as { host?: unknown; pid?: unknown }
    return host === hostname() && typeof pid === "number" && pid !== process.pid && !isAlive(pid)
  } catch (error) {
    // Gone meanwhile: it can be taken. Half-written: its holder is alive or will be stale by time.
    return (error as NodeJS.ErrnoException).code === "ENOENT"
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}
