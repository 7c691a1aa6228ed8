import { type Clock, Status } from "@ophyd-ts/core"
import { DmError, ObjectNotFound } from "../errors.ts"
import { abortable } from "../time.ts"
import type { DmJob } from "../wire/index.ts"
import { type BadOutcome, DmJobError, DmWatchTimeout } from "./job-errors.ts"
import { jobState } from "./job-state.ts"
import { JobLost, watchJob } from "./watch-job.ts"

/** What happens to a job, for whoever shows it. */
export interface JobListener {
  onJob(job: DmJob): void
  /** DM answers again (`error` null), or a poll failed and the next is `pause` seconds away. */
  onConnection(error: Error | null, pause: number): void
  /** The watch is over: `error` tells why, null when the job is done. */
  onEnd(error: Error | null): void
}

/** Where a job's state comes from. */
export interface JobSource extends Disposable {
  fetch(signal: AbortSignal): Promise<DmJob>
  /** Seconds until the next question. */
  pause(): number
}

export interface JobRunOptions {
  /** Of the device, for messages. */
  readonly name: string
  readonly workflow: string
  readonly clock: Clock
  /** Gets the job: submits it, or finds one that exists. `onLost` is to hear of a submission that was not answered. */
  readonly begin: (signal: AbortSignal, onLost: (error: Error) => void) => Promise<DmJob & { id: string }>
  /** How the job is asked for from then on; ends with the watch. */
  readonly poll: (job: DmJob & { id: string }) => JobSource
  /** Seconds between polls. */
  readonly period: () => number
  readonly longestPause: number
  readonly lostAfter: number
  /** Seconds of watching; `Infinity` for no limit. */
  readonly timeout: number
  /** At the end of that time: fail and end the watch, or finish the status and let the watch go on. */
  readonly onTimeout: "raise" | "detach"
  readonly listener: JobListener
}

/** One job from its submission to its end. Its `status` is a Status: done finishes it, every other end fails it. */
export class JobRun {
  readonly status: Status<DmJob>
  /** The job as soon as DM has taken it; rejects when it does not. */
  readonly submitted: Promise<DmJob>
  /** Fulfilled when the watch is over, whatever way. */
  readonly over: Promise<void>
  readonly #options: JobRunOptions
  readonly #started: number
  readonly #stop = new AbortController()
  #ended: number | null = null
  #job: DmJob | null = null
  #connected = true
  #progress: (job: DmJob) => void = () => {}

  constructor(options: JobRunOptions) {
    this.#options = options
    const { name, workflow, clock, timeout, onTimeout } = options
    this.#started = clock.now()
    let stopTimer = () => {}
    let taken: (job: DmJob) => void = () => {}
    const first = new Promise<DmJob>(resolve => {
      taken = resolve
    })
    const outcome = this.#run(taken).finally(() => stopTimer())
    this.submitted = Promise.race([first, outcome])
    // The status tells of a failure; nobody has to look here.
    this.submitted.catch(() => {})
    this.over = outcome.then(
      () => {},
      () => {},
    )
    this.status = new Status<DmJob>({ name, action: "run workflow", target: workflow, clock }, action => {
      let finished = false
      const once = (act: () => void) => {
        if (!finished) act()
        finished = true
      }
      stopTimer = clock.after(timeout, () => {
        const job = this.#job
        if (onTimeout === "detach" && job !== null) once(() => action.finish(job))
        else this.#stop.abort(new DmWatchTimeout(workflow, job, timeout))
      })
      this.#progress = job => {
        const { stageIndex, stageCount } = jobState(job)
        if (stageCount === 0) return
        const current = Math.max(stageIndex - 1, 0)
        action.progress({ current, initial: 0, target: stageCount, unit: "stages" })
      }
      action.onCancel(reason => this.#stop.abort(reason))
      outcome.then(
        job => once(() => action.finish(job)),
        error => once(() => action.fail(error)),
      )
    })
  }

  /** As last seen; null until DM has taken it. */
  get job(): DmJob | null {
    return this.#job
  }

  get isOver(): boolean {
    return this.#ended !== null
  }

  /** Seconds from the start until now, or until the end. */
  get elapsed(): number {
    return (this.#ended ?? this.#options.clock.now()) - this.#started
  }

  /** Ends the watch; the job goes on in DM. */
  async stop(reason: Error): Promise<void> {
    this.status.cancel(reason)
    this.#stop.abort(reason)
    await this.over
  }

  async #run(taken: (job: DmJob) => void): Promise<DmJob> {
    // Whoever makes this object hears of nothing before it has it.
    await Promise.resolve()
    const { listener, clock } = this.#options
    const end = (error: Error | null) => {
      this.#ended = clock.now()
      listener.onEnd(error)
    }
    try {
      const job = await this.#follow(taken)
      const { status } = jobState(job)
      if (status !== "done") throw this.#bad(status as BadOutcome)
      end(null)
      return job
    } catch (thrown) {
      const { signal } = this.#stop
      const known = thrown instanceof JobLost ? this.#bad("lost", thrown.message, thrown.cause) : thrown
      const error = signal.aborted ? signal.reason : known
      end(error)
      throw error
    }
  }

  async #follow(taken: (job: DmJob) => void): Promise<DmJob> {
    const { begin, poll, period, clock, longestPause, lostAfter } = this.#options
    const { signal } = this.#stop
    const onLost = (error: Error) => this.#lose(error, period())
    const first = await abortable(begin(signal, onLost), signal).catch(error => {
      throw error instanceof DmError && !signal.aborted ? this.#bad("refused", error.message, error) : error
    })
    this.#see(first)
    taken(first)
    using source = poll(first)
    return await watchJob(s => abortable(source.fetch(s), s), first, {
      clock,
      signal,
      period,
      pause: () => source.pause(),
      longestPause,
      lostAfter,
      onPoll: job => this.#see(job),
      onTrouble: (error, pause) => {
        if (!(error instanceof ObjectNotFound)) this.#lose(error, pause)
      },
    })
  }

  #lose(error: Error, pause: number): void {
    this.#connected = false
    this.#options.listener.onConnection(error, pause)
  }

  #see(job: DmJob): void {
    const { listener } = this.#options
    this.#job = job
    if (!this.#connected) {
      this.#connected = true
      listener.onConnection(null, 0)
    }
    listener.onJob(job)
    this.#progress(job)
  }

  #bad(outcome: BadOutcome, reason?: string, cause?: unknown): DmJobError {
    return new DmJobError(outcome, {
      workflow: this.#job?.workflow?.name ?? this.#options.workflow,
      job: this.#job,
      elapsed: this.elapsed,
      ...(reason === undefined ? {} : { reason }),
      ...(cause === undefined ? {} : { cause }),
    })
  }
}
