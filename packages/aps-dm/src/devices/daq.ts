import {
  boolean,
  type Clock,
  type Component,
  choice,
  double,
  integer,
  Listeners,
  type Subscription,
  string,
  systemClock,
} from "@ophyd-ts/core"
import type { Plan } from "@ophyd-ts/run-engine"
import { InvalidRequest } from "../errors.ts"
import { watchJob } from "../jobs/watch-job.ts"
import { waitIn } from "../plans/wait-in.ts"
import { abortable } from "../time.ts"
import { probeSource, transferProgress } from "../transfers/index.ts"
import { dmEnsureDaq } from "../utils/transfers.ts"
import { type DmTransfer, isActive, localStates } from "../wire/index.ts"
import type { DaqReport, DmDaqOptions } from "./daq-options.ts"
import { ShownDevice, seconds } from "./shown-device.ts"

/**
 * A DAQ of DM: a directory whose new files are carried to an experiment. Starts one if none is active for experiment
 * and directory, follows its counters, and warns of a source that does not exist or gives no file. Several devices
 * follow several DAQs, also of several stations. Staging it starts the DAQ.
 */
export class DmDaq extends ShownDevice implements AsyncDisposable {
  readonly experiment = this.soft.rw(string, { kind: "config" })
  /** As DM gets it, and compares it: letter by letter. */
  readonly dataDirectory = this.soft.rw(string, { kind: "config" })
  readonly daqId = this.soft.r(string, { initial: localStates.notRun })
  /** `not_run`, and from then on DM's own words. */
  readonly status = this.soft.r(string, { initial: localStates.notRun })
  /** Files that the DAQ has found. */
  readonly files = this.soft.r(integer)
  readonly processedFiles = this.soft.r(integer)
  readonly waitingFiles = this.soft.r(integer)
  readonly errors = this.soft.r(integer)
  /** The last file that DM names as failed, with the reason. */
  readonly lastError = this.soft.r(string)
  /** Part of the files found that is done, 0 to 100. */
  readonly progress = this.soft.r(double, { units: "%" })
  /** Whether this machine sees the directory; `unknown` when it lies elsewhere. */
  readonly sourceExists = this.soft.r(choice("unknown", "yes", "no"))
  /** Bytes in the source when it was looked at last; -1 when that is unknown. */
  readonly sourceBytes = this.soft.r(double, { initial: -1, units: "B" })
  /** Empty while nothing is suspicious. */
  readonly warning = this.soft.r(string)
  readonly pollingPeriod = this.soft.rw(double, seconds(5, 0.01, 3600))
  /** Seconds without any file after which a warning says so; 0 for never. */
  readonly quietPeriod = this.soft.rw(double, seconds(300, 0, 86_400))
  /** Whether DM answered the last poll. */
  readonly serviceConnected = this.soft.r(boolean, { as: "connected", initial: true })

  readonly #options: DmDaqOptions
  readonly #clock: Clock
  readonly #listeners = new Listeners<DaqReport>()
  #daq: DmTransfer | null = null
  #stop: AbortController | null = null
  #over: Promise<void> = Promise.resolve()
  /** When there was news of files last. */
  #lively = 0

  constructor(options: DmDaqOptions) {
    super(options)
    this.#options = options
    this.#clock = options.clock ?? systemClock
    const { write, experiment, dataDirectory } = options
    if (write !== undefined) this.onReport(report => write(report.text))
    if (experiment !== undefined) this.assign(this.experiment, experiment)
    if (dataDirectory !== undefined) this.assign(this.dataDirectory, dataDirectory)
    this.followSignals()
  }

  /** As DM said last; null before the first start. */
  get daq(): DmTransfer | null {
    return this.#daq
  }

  /** A DAQ is being followed. */
  get watching(): boolean {
    return this.#stop !== null
  }

  /** Hears warnings, lost and found connections, and the end. */
  onReport(fn: (report: DaqReport) => void): Subscription {
    const unsubscribe = this.#listeners.add(fn)
    return { unsubscribe, [Symbol.dispose]: unsubscribe }
  }

  /**
   * The active DAQ for experiment and directory, started when there is none; it is followed from then on. A second
   * call gives the one that is followed.
   * @throws InvalidRequest without experiment or directory; ObjectNotFound, InvalidRequest, CommunicationError of DM.
   */
  async startDaq(): Promise<DmTransfer> {
    const [experiment, directory] = [this.value(this.experiment), this.value(this.dataDirectory)]
    if (experiment === "" || directory === "") {
      throw new InvalidRequest(`${this.name}: the DAQ needs an experiment and a directory`)
    }
    if (this.#daq !== null && this.watching && this.#isFor(experiment, directory)) return this.#daq
    await this.#look()
    const { client, daqInfo } = this.#options
    return await this.#follow(await dmEnsureDaq(client, experiment, directory, daqInfo))
  }

  /** Follows a DAQ by its id, for example one that another program started. @throws ObjectNotFound */
  async attach(id: string): Promise<DmTransfer> {
    const daq = await this.#options.client.daq.getDaqInfo(id)
    this.assign(this.experiment, daq.experimentName ?? "")
    this.assign(this.dataDirectory, daq.dataDirectory ?? "")
    await this.#look()
    return await this.#follow(daq)
  }

  /**
   * Tells DM to end the DAQ, which it does when the files that wait are stored; resolves when it has ended.
   * @throws InvalidRequest when no DAQ was started, what DM says.
   */
  async stopDaq({ signal }: { signal?: AbortSignal } = {}): Promise<DmTransfer> {
    const daq = this.#daq
    if (daq === null) throw new InvalidRequest(`${this.name}: no DAQ was started`)
    if (!isActive(daq.status ?? "")) return daq
    const [experiment, directory] = [this.value(this.experiment), this.value(this.dataDirectory)]
    await this.#options.client.daq.stopDaq(experiment, directory, { signal })
    if (!this.watching) await this.#follow(daq)
    await abortable(this.#over, signal)
    return this.#daq ?? daq
  }

  /** Plan: see `startDaq`. */
  *startAsPlan(): Plan<DmTransfer> {
    return yield* waitIn(() => this.startDaq())
  }

  /** Plan: see `stopDaq`. */
  *stopAsPlan(): Plan<DmTransfer> {
    return yield* waitIn(signal => this.stopDaq({ signal }))
  }

  /** Fulfilled when no DAQ is followed any more. */
  async whenOver(): Promise<void> {
    await this.#over
  }

  override async stage(): Promise<Component[]> {
    const staged = await super.stage()
    await this.startDaq().catch(async error => {
      await super.unstage()
      throw error
    })
    return staged
  }

  override async unstage(): Promise<Component[]> {
    if (this.staged && this.#options.onUnstage === "stop" && this.watching) await this.stopDaq()
    return await super.unstage()
  }

  /** Ends the watch. The DAQ goes on in DM. */
  override async stop(): Promise<void> {
    this.#stop?.abort(new Error(`watching by ${this.name} was stopped; the DAQ goes on in DM`))
    await this.#over
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #isFor(experiment: string, directory: string): boolean {
    return this.#daq?.experimentName === experiment && this.#daq.dataDirectory === directory
  }

  async #follow(daq: DmTransfer): Promise<DmTransfer> {
    await this.stop()
    const stop = new AbortController()
    this.#stop = stop
    this.#lively = this.#clock.now()
    this.#see(daq)
    this.#over = this.#watch(daq, stop.signal).finally(() => {
      this.#stop = null
    })
    return daq
  }

  async #watch(daq: DmTransfer, signal: AbortSignal): Promise<void> {
    const { client, longestPause = 60 } = this.#options
    try {
      const ended = await watchJob(s => abortable(client.daq.getDaqInfo(daq.id, { signal: s }), s), daq, {
        clock: this.#clock,
        signal,
        period: () => this.value(this.pollingPeriod),
        longestPause,
        lostAfter: Number.POSITIVE_INFINITY,
        onPoll: seen => this.#see(seen),
        onTrouble: (error, pause) => this.#onTrouble(error, pause),
      })
      this.#report("end", `DAQ of ${ended.dataDirectory} ended as ${ended.status}`)
    } catch (error) {
      if (!signal.aborted) this.#report("end", `DAQ ${daq.id} is lost: ${(error as Error).message}`)
    }
  }

  #see(daq: DmTransfer): void {
    const before = this.#daq
    this.#daq = daq
    if (!this.value(this.serviceConnected)) {
      this.assign(this.serviceConnected, true)
      this.#report("connection", "DM answers again")
    }
    const { files, fraction, errors, status } = transferProgress(daq)
    this.show(this.daqId, daq.id)
    this.show(this.files, files.total)
    this.show(this.processedFiles, files.done)
    this.show(this.waitingFiles, daq.nWaitingFiles ?? Math.max(files.total - files.done - files.failed, 0))
    this.show(this.errors, files.failed)
    const last = errors.at(-1)
    this.show(this.lastError, last === undefined ? (daq.errorMessage ?? "") : `${last.file}: ${last.message}`)
    this.show(this.progress, Math.round(1000 * fraction) / 10)
    this.show(this.status, status === "" ? localStates.notAvailable : status)
    if (before === null || before.id !== daq.id || files.total !== transferProgress(before).files.total) {
      this.#lively = this.#clock.now()
      if (files.total > 0) this.#warn("")
    }
    this.#checkQuiet(files.total)
  }

  /** Nothing at all is suspicious: DM starts a DAQ also for a directory that is not there. */
  #checkQuiet(files: number): void {
    const quiet = this.value(this.quietPeriod)
    if (quiet === 0 || files > 0 || this.#clock.now() - this.#lively < quiet) return
    if (this.value(this.warning) !== "") return
    void this.#look().then(() => {
      if (this.value(this.warning) !== "") return
      const directory = this.value(this.dataDirectory)
      this.#warn(
        `the DAQ has found no file in ${directory} for ${quiet} s: does DM's machine see the directory?`,
      )
    })
  }

  async #look(): Promise<void> {
    const { probe = probeSource } = this.#options
    const directory = this.value(this.dataDirectory)
    const { exists, bytes } = await probe(directory)
    this.show(this.sourceExists, exists)
    this.show(this.sourceBytes, bytes ?? -1)
    if (exists === "no") this.#warn(`the source ${directory} does not exist, so nothing will be transferred`)
    else if (this.value(this.warning).includes("does not exist")) this.#warn("")
  }

  #onTrouble(error: Error, pause: number): void {
    if (this.show(this.serviceConnected, false)) {
      this.#report("connection", `no answer of DM, next try in ${pause} s: ${error.message}`)
    }
  }

  #warn(text: string): void {
    if (this.show(this.warning, text) && text !== "") this.#report("warning", text)
  }

  #report(kind: DaqReport["kind"], text: string): void {
    this.#listeners.tell(
      { kind, text: `${this.name}: ${text}`, daq: this.#daq },
      `a reporter of ${this.name}`,
    )
  }
}
