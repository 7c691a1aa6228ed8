import type { Clock } from "@ophyd-ts/core"
import { CommunicationError } from "../errors.ts"
import { childrenOf, type DmChildProcess, type DmJob, isTerminal } from "../wire/index.ts"
import { type JobService, jobPage } from "./submit-job.ts"

type Polled = Pick<JobService, "getProcessingJobById" | "listProcessingJobs">

/** A job whose state is asked for again and again. */
export interface JobWatch extends Disposable {
  /** The job now. `full` asks for all of it; without, its stages are as they were at the last change. */
  fetch(options: { full: boolean; signal: AbortSignal }): Promise<DmJob>
  /** Seconds until the next question, so that jobs with the same period ask together. */
  pause(period: number): number
}

interface Question {
  readonly watch: Watch
  readonly signal: AbortSignal
  readonly answer: (job: DmJob | Promise<DmJob>) => void
  readonly fail: (error: unknown) => void
}

/** Up to this many jobs are asked for one by one: a list tells too little about too many others. */
const few = 3
/** Characters of output above which a job is not read as a whole each time: that takes its time, too. */
const bulky = 50_000
/** Seconds in which questions are gathered into one. */
const window = 0.02
/** Pages of a list that are read before the rest is asked for one by one. */
const mostPages = 4
/** Seconds without lists after one that was of no use. */
const withoutList = 60
/** Jobs that are answered before others get their turn. */
const atOnce = 20
const keys = ["id", "owner", "status", "stage", "startTime", "endTime", "runTime", "errorMessage"] as const

const pollers = new WeakMap<object, JobPoller>()

/**
 * Asks for the states of all watched jobs of a client together: one list by keys in place of one request per job. The
 * whole job is fetched when its status or stage has changed. Where the list does not help (few jobs, jobs that are not
 * in it, a service that cannot do it), jobs are asked for one by one.
 */
export class JobPoller {
  readonly #proc: Polled
  readonly #clock: Clock
  readonly #watches = new Set<Watch>()
  #questions: Question[] = []
  /** Until when lists are not tried again. */
  #listFrom = Number.NEGATIVE_INFINITY

  /** The one poller of a client. */
  static of(proc: Polled, clock: Clock): JobPoller {
    const poller = pollers.get(proc) ?? new JobPoller(proc, clock)
    pollers.set(proc, poller)
    return poller
  }

  constructor(proc: Polled, clock: Clock) {
    this.#proc = proc
    this.#clock = clock
  }

  /** `job`: all of it, as it was answered at its start. */
  watch(owner: string, job: DmJob & { id: string }): JobWatch {
    const watch: Watch = { owner, id: job.id, last: job }
    this.#watches.add(watch)
    return {
      fetch: ({ full, signal }) => (full ? this.#whole(watch, signal) : this.#ask(watch, signal)),
      pause: period => (this.#watches.size <= few ? period : untilGrid(this.#clock.now(), period)),
      [Symbol.dispose]: () => void this.#watches.delete(watch),
    }
  }

  async #whole(watch: Watch, signal: AbortSignal): Promise<DmJob> {
    watch.last = await this.#proc.getProcessingJobById(watch.owner, watch.id, { signal })
    return watch.last
  }

  #ask(watch: Watch, signal: AbortSignal): Promise<DmJob> {
    const alone = this.#watches.size <= few && !isBulky(watch.last)
    if (alone || this.#clock.now() < this.#listFrom) return this.#whole(watch, signal)
    return new Promise((answer, fail) => {
      this.#questions.push({ watch, signal, answer, fail })
      if (this.#questions.length === 1) this.#clock.after(window, () => void this.#flush())
    })
  }

  /** Never rejects: every question gets its answer or its error. */
  async #flush(): Promise<void> {
    const questions = this.#questions
    this.#questions = []
    for (const { signal, fail } of questions) if (signal.aborted) fail(signal.reason)
    const open = questions.filter(({ signal }) => !signal.aborted)
    const owners = groupBy(open, question => question.watch.owner)
    await Promise.all([...owners].map(([owner, asked]) => this.#answer(owner, asked)))
  }

  async #answer(owner: string, asked: readonly Question[]): Promise<void> {
    // Several may watch the same job.
    const open = groupBy(asked, question => question.watch.id)
    const wanted = open.size
    try {
      const enough = wanted <= few && asked.some(({ watch }) => isBulky(watch.last)) ? 0 : few
      if (wanted > enough) {
        await this.#answerFromList(owner, open, enough)
        // Too many other jobs stand before ours.
        if (open.size > wanted / 2) this.#listFrom = this.#clock.now() + withoutList
      }
    } catch (error) {
      if (error instanceof CommunicationError) {
        for (const { fail } of [...open.values()].flat()) fail(error)
        return
      }
      // A site without this call: every job for itself, and another try in a minute.
      this.#listFrom = this.#clock.now() + withoutList
    }
    for (const { watch, signal, answer } of [...open.values()].flat()) answer(this.#whole(watch, signal))
  }

  /** Takes those that are answered out of `open`, until so many are left. */
  async #answerFromList(owner: string, open: Map<string, Question[]>, enough: number): Promise<void> {
    const limit = Math.min(jobPage, Math.max(100, 2 * open.size))
    for (let turn = 0; turn < mostPages && open.size > enough; turn += 1) {
      const jobs = await this.#proc.listProcessingJobs(owner, { keyList: keys, skip: turn * limit, limit })
      let answered = 0
      for (const state of jobs) {
        const questions = state.status === undefined ? undefined : open.get(state.id ?? "")
        if (questions === undefined) continue
        open.delete(state.id ?? "")
        for (const question of questions) question.answer(this.#seen(question, state))
        answered += 1
        if (answered % atOnce === 0) await new Promise<void>(resolve => setImmediate(resolve))
      }
      if (jobs.length < limit) return
    }
  }

  /** What is known, with the present state; all of it anew when the job has come to another stage or status. */
  #seen({ watch, signal }: Question, state: DmJob): DmJob | Promise<DmJob> {
    const { last } = watch
    const moved = state.status !== last.status || state.stage !== last.stage || isTerminal(state.status ?? "")
    if (moved) return this.#whole(watch, signal)
    return { ...last, runTime: state.runTime ?? last.runTime, startTime: state.startTime ?? last.startTime }
  }
}

interface Watch {
  readonly owner: string
  readonly id: string
  /** All of the job, as it was answered last. */
  last: DmJob
}

function isBulky({ workflow }: DmJob): boolean {
  const children = Object.values(workflow?.stages ?? {}).flatMap(childrenOf)
  const length = (total: number, child: DmChildProcess) =>
    total + (child.stdOut?.length ?? 0) + (child.stdErr?.length ?? 0)
  return children.reduce(length, 0) > bulky
}

function groupBy(
  questions: readonly Question[],
  key: (question: Question) => string,
): Map<string, Question[]> {
  const groups = new Map<string, Question[]>()
  for (const question of questions) {
    const group = groups.get(key(question))
    if (group === undefined) groups.set(key(question), [question])
    else group.push(question)
  }
  return groups
}

/** To the next whole multiple of the period; a moment before one counts as that one. */
function untilGrid(now: number, period: number): number {
  const left = period - (now % period)
  return left < period / 20 ? left + period : left
}
