import { open, readFile, stat, unlink, utimes } from "node:fs/promises"
import { hostname } from "node:os"

/** Seconds after which a lock that nobody renews belongs to nobody. */
const staleAfter = 600
/** The same for the right to remove such a lock, which takes a moment only. */
const breakingTakes = 10

/** The right to send a spool's work, held by one process at a time; null while another one has it. */
export async function takeLock(path: string): Promise<Lock | null> {
  const lock = await create(path)
  if (lock !== null || !(await isStale(path))) return lock
  // Of several who find the same dead lock, one removes it: the others would remove the new one.
  const breaking = `${path}.breaking`
  if (await isOlder(breaking, breakingTakes)) await unlink(breaking).catch(() => {})
  const right = await create(breaking)
  if (right === null) return null
  try {
    if (await isStale(path)) await unlink(path).catch(() => {})
    return await create(path)
  } finally {
    await right[Symbol.asyncDispose]()
  }
}

export class Lock implements AsyncDisposable {
  readonly #path: string
  /** What the file holds; null when there was no room for it. */
  readonly #text: string | null

  constructor(path: string, text: string | null) {
    this.#path = path
    this.#text = text
  }

  /** Says that the holder is alive. False when somebody took it for dead: the lock is lost. */
  async renew(): Promise<boolean> {
    const now = new Date()
    await utimes(this.#path, now, now).catch(() => {})
    return await this.#isOurs()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (await this.#isOurs()) await unlink(this.#path).catch(() => {})
  }

  async #isOurs(): Promise<boolean> {
    const found = await readFile(this.#path, "utf8").catch((error: NodeJS.ErrnoException) => error)
    if (typeof found === "string") return found === (this.#text ?? "")
    return found.code !== "ENOENT"
  }
}

/** Null when there is one. */
async function create(path: string): Promise<Lock | null> {
  const file = await open(path, "wx", 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "EEXIST") return null
    throw error
  })
  if (file === null) return null
  const text = JSON.stringify({ host: hostname(), pid: process.pid, token: crypto.randomUUID() })
  try {
    await file.writeFile(text)
    return new Lock(path, text)
  } catch {
    // The disk is full: all the more reason to send what is on it. The file itself is the lock.
    await file.truncate().catch(() => {})
    return new Lock(path, null)
  } finally {
    await file.close().catch(() => {})
  }
}

/** Its process died, on this machine or, as far as time tells, on another one. */
async function isStale(path: string): Promise<boolean> {
  try {
    if (await isOlder(path, staleAfter)) return true
    const { host, pid } = JSON.parse(await readFile(path, "utf8")) as { host?: unknown; pid?: unknown }
    return host === hostname() && typeof pid === "number" && pid !== process.pid && !isAlive(pid)
  } catch (error) {
    // Gone meanwhile: it can be taken. Half-written: its holder is alive or will be stale by time.
    return (error as NodeJS.ErrnoException).code === "ENOENT"
  }
}

async function isOlder(path: string, seconds: number): Promise<boolean> {
  const found = await stat(path).catch(() => null)
  return found !== null && Date.now() - found.mtimeMs > seconds * 1000
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}
