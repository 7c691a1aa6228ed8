import { DM_WorkflowConnector, type StartCall, type WatchCall } from "../../devices/index.ts"
import { InvalidArgument } from "../../errors.ts"
import { DmJobError, dmErrorBehind, jobState, stageTable } from "../../jobs/index.ts"
import { eachJob } from "../../jobs/submit-job.ts"
import type { DmJob } from "../../wire/index.ts"
import type { Command, Invocation } from "../command.ts"
import { showJson } from "../output.ts"
import { ProgressBar } from "../progress-bar.ts"
import { UsageError } from "../terminal.ts"

export const watch: Command = {
  usage: "watch JOB | --file PATH [--owner O] [--timeout S]",
  what: "follow a job to its end, by its id, by the start of it, or by the file that it was started for",
  options: {
    file: { type: "string" },
    owner: { type: "string" },
    timeout: { type: "string" },
    period: { type: "string" },
  },
  async run(invocation) {
    const file = invocation.text("file")
    invocation.expectWords(file === undefined ? 1 : 0, file === undefined ? 1 : 0, "job")
    const { owner } = invocation
    const [word = ""] = invocation.words
    const target = file === undefined ? await wholeId(invocation, owner, word) : { file }
    return await follow(invocation, (connector, call) => connector.attach(target, { ...call, owner }))
  },
}

export const start: Command = {
  usage: "start WORKFLOW [name=value …] [--policy parallel|queue|reject] [--no-wait]",
  what: "start a job with these arguments and follow it to its end",
  options: {
    owner: { type: "string" },
    policy: { type: "string" },
    timeout: { type: "string" },
    period: { type: "string" },
    "no-wait": { type: "boolean" },
    "no-check": { type: "boolean" },
  },
  async run(invocation) {
    const [workflow, ...given] = invocation.words
    if (workflow === undefined) throw new UsageError("which workflow?")
    const policy = invocation.choice("policy", ["parallel", "queue", "reject"])
    const call: StartCall = { workflow, args: pairs(given), ...(policy === undefined ? {} : { policy }) }
    return await follow(invocation, (connector, limits) => connector.startWorkflow({ ...call, ...limits }))
  },
}

/** Follows a job, shows how far it is, and gives the exit status. */
async function follow(
  invocation: Invocation,
  begin: (connector: DM_WorkflowConnector, call: WatchCall) => PromiseLike<DmJob>,
): Promise<number> {
  const { terminal, client, json } = invocation
  const checkWorkflow = !invocation.flag("no-check")
  await using connector = new DM_WorkflowConnector({ name: "dm", client, checkWorkflow })
  await connector.pollingPeriod.set(Math.max(invocation.number("period") ?? 1, 0.01))
  const owner = invocation.text("owner")
  if (owner !== undefined) await connector.owner.set(owner)
  const stop = () => void connector.stop()
  terminal.interrupt.addEventListener("abort", stop, { once: true })
  try {
    using bar = new ProgressBar(terminal)
    const show = () => showProgress(bar, connector.job)
    connector.onReport(({ kind, text, job }) => {
      if (kind === "connection" || (kind === "change" && job === null)) bar.show(0, text)
      else show()
    })
    const ending = begin(connector, { timeout: invocation.number("timeout") ?? Number.POSITIVE_INFINITY })
    if (invocation.flag("no-wait")) {
      const job = await taken(connector, ending)
      if (json) showJson(invocation, job)
      else terminal.out(`${job.id}\n`)
      return 0
    }
    const job = await ending
    show()
    bar[Symbol.dispose]()
    if (json) showJson(invocation, job)
    else terminal.out(`${stageTable(job)}\n`)
    return 0
  } catch (thrown) {
    const error = dmErrorBehind(thrown)
    if (error instanceof DmJobError && error.job !== null && !terminal.interrupt.aborted) {
      if (json) showJson(invocation, error.job)
      else terminal.out(`${stageTable(error.job)}\n`)
    }
    throw error ?? thrown
  } finally {
    terminal.interrupt.removeEventListener("abort", stop)
  }
}

function showProgress(bar: ProgressBar, job: DmJob | null): void {
  if (job === null) return
  const { status, stage, stageIndex, stageCount } = jobState(job)
  const where = stageIndex === 0 ? "" : `, stage ${stage} (${stageIndex} of ${stageCount})`
  const done = status === "done" ? stageCount : Math.max(stageIndex - 1, 0)
  bar.show(stageCount === 0 ? 0 : done / stageCount, `job ${job.id?.slice(0, 8)}: ${status}${where}`)
}

/** The job when DM has taken it. */
async function taken(connector: DM_WorkflowConnector, ending: PromiseLike<DmJob>): Promise<DmJob> {
  const known = new Promise<DmJob>(resolve => {
    connector.onReport(({ job }) => job?.id !== undefined && resolve(job))
  })
  return await Promise.race([known, ending])
}

const wholeIdLength = 36

/** People quote the first characters of an id. @throws InvalidArgument when they fit none or several. */
async function wholeId(invocation: Invocation, owner: string, word: string): Promise<string> {
  if (word.length >= wholeIdLength) return word
  const fitting: string[] = []
  for await (const { id } of eachJob(invocation.client.proc, owner, ["id"], invocation.terminal.interrupt)) {
    if (id === word) return id
    if (id?.startsWith(word)) fitting.push(id)
  }
  const [only] = fitting
  if (only !== undefined && fitting.length === 1) return only
  throw new InvalidArgument(`${fitting.length} jobs of ${owner} have an id that begins with "${word}"`)
}

function pairs(words: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {}
  for (const word of words) {
    const at = word.indexOf("=")
    if (at < 1) throw new UsageError(`"${word}": an argument is name=value`)
    const name = word.slice(0, at)
    if (Object.hasOwn(found, name)) throw new UsageError(`the argument ${name} is given twice`)
    found[name] = word.slice(at + 1)
  }
  return found
}
