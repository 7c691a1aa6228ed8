import { open, readFile, stat, unlink, utimes } from "node:fs/promises"
import { isOver, type Owner, ownerHere, ownerIn } from "./lock-owner.ts"

/** Seconds between two signs of life of a lock's holder. */
const heartbeat = 5
/** Seconds after which the right to remove a dead holder's lock belongs to nobody: it takes a moment only. */
const breakingTakes = 10

/** The right to send a spool's work, held by one process at a time; null while another one has it. */
export async function takeLock(path: string): Promise<Lock | null> {
  const owner = await ownerHere()
  const lock = await create(path, owner)
  if (lock !== null || !(await isLeft(path, owner))) return lock
  // Of several who find the same dead lock, one removes it: the others would remove the new one.
  const breaking = `${path}.breaking`
  if (((await look(breaking))?.silent ?? 0) > breakingTakes) await unlink(breaking).catch(() => {})
  const right = await create(breaking, owner)
  if (right === null) return null
  try {
    if (await isLeft(path, owner)) await unlink(path).catch(() => {})
    return await create(path, owner)
  } finally {
    await right[Symbol.asyncDispose]()
  }
}

export class Lock implements AsyncDisposable {
  readonly #path: string
  /** What the file holds; null when there was no room for it. */
  readonly #text: string | null
  readonly #beat: ReturnType<typeof setInterval>

  constructor(path: string, text: string | null) {
    this.#path = path
    this.#text = text
    this.#beat = setInterval(() => void this.renew(), heartbeat * 1000)
    this.#beat.unref()
  }

  /** Says that the holder is alive, which is said again and again by itself, too. False when the lock is lost. */
  async renew(): Promise<boolean> {
    // A lock of somebody else is not to live longer by this.
    if (!(await this.#isOurs())) return false
    const now = new Date()
    await utimes(this.#path, now, now).catch(() => {})
    return true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#beat)
    if (await this.#isOurs()) await unlink(this.#path).catch(() => {})
  }

  async #isOurs(): Promise<boolean> {
    const found = await readFile(this.#path, "utf8").catch((error: NodeJS.ErrnoException) => error)
    if (typeof found === "string") return found === (this.#text ?? "")
    return found.code !== "ENOENT"
  }
}

/** Null when there is one. */
async function create(path: string, owner: Owner): Promise<Lock | null> {
  const file = await open(path, "wx", 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "EEXIST") return null
    throw error
  })
  if (file === null) return null
  const text = JSON.stringify({ ...owner, token: crypto.randomUUID() })
  try {
    await file.writeFile(text)
    return new Lock(path, text)
  } catch {
    // The disk is full: all the more reason to send what is on it. The file itself is the lock.
    await file.truncate().catch(() => {})
    return new Lock(path, null)
  } finally {
    // By our clock, as all later signs of life.
    const now = new Date()
    await file.utimes(now, now).catch(() => {})
    await file.close().catch(() => {})
  }
}

/** Its holder is over, or it is gone: it can be taken. */
async function isLeft(path: string, here: Owner): Promise<boolean> {
  const found = await look(path)
  return found === null || (await isOver(ownerIn(found.text), here, found.silent))
}

/** What a lock says, and seconds since its last sign of life; null when there is none. */
async function look(path: string): Promise<{ text: string; silent: number } | null> {
  // Reading first: a file server tells the present time of a file to who opens it.
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) =>
    error.code === "ENOENT" ? null : "",
  )
  const found = text === null ? null : await stat(path).catch(() => null)
  return text === null || found === null ? null : { text, silent: (Date.now() - found.mtimeMs) / 1000 }
}
