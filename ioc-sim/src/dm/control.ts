import type { DmService } from "@ophyd-ts/aps-dm"
import type { Doc } from "./documents.ts"
import type { DmFault, DmFaultHandle, Faults } from "./faults.ts"
import type { Port } from "./ports.ts"
import type { CommandRule, Commands } from "./processing/commands.ts"
import type { Jobs } from "./processing/jobs.ts"
import type { DmRequestRecord, RequestLog } from "./request-log.ts"
import type { Tasks } from "./time/tasks.ts"
import type { FileFault, FileFaults } from "./transfer/file-faults.ts"

interface Parts {
  readonly ports: readonly Port[]
  readonly faults: Faults
  readonly fileFaults: FileFaults
  readonly log: RequestLog
  readonly jobs: Jobs
  readonly commands: Commands
  readonly tasks: Tasks
  readonly problems: Error[]
}

/** The hand on the simulated service: what a test does to it from outside DM's own interface. */
export class DmControl {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Makes the next requests that fit go wrong. */
  fault(fault: DmFault): DmFaultHandle {
    return this.#parts.faults.add(fault)
  }

  /** Makes the next attempts of DAQs and uploads to transfer these files fail. */
  failFile(fault: FileFault): void {
    this.#parts.fileFaults.add(fault)
  }

  clearFaults(): void {
    this.#parts.faults.clear()
    this.#parts.fileFaults.clear()
  }

  /** Ends all sessions, of one service or of all: the next request gets 401. */
  expireSessions(service?: DmService): void {
    for (const port of this.#ports(service)) port.sessions.expire()
  }

  /** Refuses connections and breaks those that exist. Jobs and DAQs go on. */
  async goAway(service?: DmService): Promise<void> {
    await Promise.all(this.#ports(service).map(port => port.listener.close()))
  }

  /** Listens again, on the same port. */
  async comeBack(service?: DmService): Promise<void> {
    await Promise.all(this.#ports(service).map(port => port.listener.open()))
  }

  /** Goes away, and comes back by itself after that many seconds of the service's clock. */
  async awayFor(seconds: number, service?: DmService): Promise<void> {
    await this.goAway(service)
    this.#parts.tasks.spawn(async task => {
      await task.sleep(seconds)
      await this.comeBack(service)
    })
  }

  /** Adds command rules; they win over those that exist. */
  play(...rules: readonly CommandRule[]): void {
    this.#parts.commands.add(...rules)
  }

  /** Every job, of every owner, newest first. */
  get jobs(): readonly Doc[] {
    return this.#parts.jobs.all()
  }

  /** Ends an active job as `aborted`, by way of `aborting`. No call of DM does that. */
  abortJob(id: string): Promise<void> {
    return this.#parts.jobs.abort(id)
  }

  /** Ends a pending job as `skipped`. */
  skipJob(id: string): Promise<void> {
    return this.#parts.jobs.skip(id)
  }

  /** The job is forgotten: ObjectNotFound. */
  vanishJob(id: string): Promise<void> {
    return this.#parts.jobs.vanish(id)
  }

  /**
   * Stops a job where it is and changes what is answered for it: an unknown status, optional keys taken away
   * (`undefined`), very long outputs.
   */
  freezeJob(id: string, changes: Readonly<Doc>): Promise<void> {
    return this.#parts.jobs.freeze(id, changes)
  }

  /** The requests so far, oldest first; the last 10,000. */
  get requests(): readonly DmRequestRecord[] {
    return this.#parts.log.records
  }

  /** How many requests of a call there were, answered or dropped. */
  count(call: string): number {
    return this.#parts.log.count(call)
  }

  /** Faults of the simulation itself. A test may demand that there are none. */
  get problems(): readonly Error[] {
    return this.#parts.problems
  }

  /** Resolves when all background work sleeps or has ended. */
  settled(): Promise<void> {
    return this.#parts.tasks.settled()
  }

  #ports(service: DmService | undefined): readonly Port[] {
    return this.#parts.ports.filter(
      p => service === undefined || p.service === undefined || p.service === service,
    )
  }
}
