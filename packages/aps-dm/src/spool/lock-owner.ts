import { readFile, readlink } from "node:fs/promises"
import { hostname } from "node:os"
import { z } from "zod"

const owner = z.object({
  host: z.string(),
  pid: z.int().positive(),
  /** Of the running system; containers of one machine share it, and its clock. Null where nobody tells. */
  boot: z.string().nullable().default(null),
  /** In which the process has its number: each container has its own. */
  namespace: z.string().nullable().default(null),
  /** When the process began: a number is given again. */
  start: z.string().nullable().default(null),
})

/** Who holds a lock. */
export type Owner = Readonly<z.infer<typeof owner>>

/** Seconds without a sign of life after which a holder that nobody can ask for is over. */
const silence = {
  /** By the same clock. */
  here: 60,
  /** Clocks of two machines may differ, and what one writes the other sees later. */
  elsewhere: 600,
} as const

let here: Promise<Owner> | null = null

/** This process. */
export function ownerHere(): Promise<Owner> {
  here ??= (async () => ({
    host: hostname(),
    pid: process.pid,
    boot: await told(readFile("/proc/sys/kernel/random/boot_id", "utf8")),
    namespace: await told(readlink("/proc/self/ns/pid")),
    start: (await stateOf(process.pid))?.start ?? null,
  }))()
  return here
}

/** The owner that a lock names; null when it names none. */
export function ownerIn(text: string): Owner | null {
  try {
    return owner.parse(JSON.parse(text))
  } catch {
    return null
  }
}

/**
 * Whether the holder of a lock has ended, as far as `here` can tell: for certain where both count processes alike,
 * which two containers of one name do not; else by how long it was silent (seconds).
 */
export async function isOver(holder: Owner | null, here: Owner, silent: number): Promise<boolean> {
  if (holder === null) return silent > silence.elsewhere
  const isSameSystem = holder.boot === here.boot && (here.boot !== null || holder.host === here.host)
  if (isSameSystem && holder.namespace === here.namespace) {
    if (!isAlive(holder.pid)) return true
    const state = await stateOf(holder.pid)
    if (state !== null && holder.start !== null) return state.start !== holder.start || state.ended
  }
  return silent > (isSameSystem || holder.host === here.host ? silence.here : silence.elsewhere)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}

/** Null where the system does not tell. */
async function stateOf(pid: number): Promise<{ start: string; ended: boolean } | null> {
  // See proc(5): the name in brackets may hold anything; state and start time are the 3rd and the 22nd field.
  const text = await told(readFile(`/proc/${pid}/stat`, "utf8"))
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ") ?? []
  const [state, start] = [fields[0], fields[19]]
  return state === undefined || start === undefined ? null : { start, ended: /^[ZXx]/.test(state) }
}

const told = (text: Promise<string>): Promise<string | null> =>
  text.then(
    found => found.trim(),
    () => null,
  )
