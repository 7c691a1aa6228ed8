/** What a process of this machine is doing. */
import { execFile } from "node:child_process"
import { readdir, readFile } from "node:fs/promises"
import { promisify } from "node:util"

/** Whether a process, all its threads as far as the system tells, has been stopped by a signal. */
export async function isStopped(pid: number): Promise<boolean> {
  const states = process.platform === "linux" ? await threadStates(pid) : await processState(pid)
  return states.every(state => state.startsWith("T"))
}

async function threadStates(pid: number): Promise<string[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []) // It has ended meanwhile.
  // A thread that has ended since the folder was read has no state and does nothing.
  const stats = threads.map(thread => readFile(`/proc/${pid}/task/${thread}/stat`, "utf8").catch(() => ") T"))
  // The state follows the name, which is in parentheses and may hold any character.
  return (await Promise.all(stats)).map(stat => stat.slice(stat.lastIndexOf(")") + 2))
}

async function processState(pid: number): Promise<string[]> {
  const { stdout } = await promisify(execFile)("ps", ["-o", "state=", "-p", String(pid)])
  return [stdout.trim()]
}
