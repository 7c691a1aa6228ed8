import { formatSeconds, type SignalR, Status, until } from "@ophyd-ts/core"
import type { AdDriver } from "../device/ad-driver.ts"
import { isPresent } from "../device/optional.ts"
import { AreaDetectorError, DroppedFramesError, FileWriteError } from "../errors.ts"
import type { FilePlugin } from "../plugins/file.ts"
import { Backlog } from "./backlog.ts"
import { checkCallbacks } from "./callbacks.ts"

/** What a plugin says of the file that it writes. */
interface Counts {
  readonly captured: number
  readonly dropped: number
  readonly capturing: boolean
  /** What it complains of; null when all is well. */
  readonly failure: { readonly file: string; readonly message: string } | null
}

/** Frames on their way through a file plugin: begun, counted, awaited, ended. */
export class Capture {
  readonly #plugin: FilePlugin
  readonly #driver: AdDriver
  /** Seconds that the plugin may take for the frames of an acquisition, and to close a file. */
  readonly #timeout: number
  readonly #backlog: Backlog
  #captured = 0
  #dropped = 0
  /** How often an acquisition was broken off. */
  #breaks = 0
  #waiting: Status<void> | null = null
  /** Time stamp of a write error that was there before this file. */
  #oldError: number | null = null

  constructor(plugin: FilePlugin, driver: AdDriver, timeout: number) {
    this.#plugin = plugin
    this.#driver = driver
    this.#timeout = timeout
    this.#backlog = new Backlog(driver, plugin, plugin.numCaptured, timeout)
  }

  /** Frames in the file, as of the end of the last acquisition. */
  get captured(): number {
    return this.#captured
  }

  /** Begins, and returns when the plugin takes frames. */
  async start(): Promise<void> {
    const { capture, droppedArrays, writeStatus, queueUse, name } = this.#plugin
    const timeout = this.#timeout
    // Frames that still wait in its queue were taken before and do not belong into the file.
    if (isPresent(queueUse)) await until(queueUse, 0, { timeout })
    const before = isPresent(writeStatus) ? await writeStatus.reading() : null
    this.#oldError = before?.value === "Write error" ? before.timestamp : null
    // Its completion would come at the end of capturing.
    await capture.set(true, { completion: false, timeout })
    const captures = until(capture, true)
    // An error that is shown already is one of a file before.
    const fails = before?.value === "Write OK" ? until(writeStatus, "Write error") : captures
    try {
      await Promise.race([captures.wait({ timeout }), fails])
    } catch (cause) {
      throw new AreaDetectorError(
        "WRITE_FAILED",
        `${name}: does not begin to capture within ${formatSeconds(timeout)} (${capture.source})`,
        { cause },
      )
    } finally {
      fails.cancel()
      captures.cancel()
    }
    if (!captures.success) {
      const { file, message } = await this.#complaint()
      throw new FileWriteError(name, file, message)
    }
    this.#captured = 0
    this.#dropped = isPresent(droppedArrays) ? await droppedArrays.get() : 0
    await this.#backlog.follow()
  }

  /** Ends it; the file is closed when it returns. Throws `FileWriteError` when it could not be closed. */
  async close(): Promise<void> {
    await this.end()
    // The plugin forgets errors of writing when it closes a file: what it shows now is about the closing.
    if (!(await this.#failed())) return
    const { file, message } = await this.#complaint()
    throw new FileWriteError(this.#plugin.name, file, message)
  }

  /** Ends what is under way, also what somebody else began. */
  async end(): Promise<void> {
    const { capture, name } = this.#plugin
    if (!capture.connected) {
      const why = `${name}: ${capture.source} is not connected, so its file could not be closed`
      throw new AreaDetectorError("WRITE_FAILED", why)
    }
    if (!(await capture.get())) return
    const timeout = this.#timeout
    // Its completion tells that the file is closed.
    await capture.set(false, { timeout, whenBusy: "queue" })
    await until(capture, false, { timeout })
  }

  /**
   * So many frames more: returns when they are in the file, and throws when they never will be; null for as many as there are.
   * True when it had to wait for them; before that it waits for `healthy`.
   */
  async take(frames: number | null, healthy: Promise<void>): Promise<boolean> {
    const breaks = this.#breaks
    if (frames === null) {
      await healthy
      await this.#takeAll(breaks)
      return false
    }
    const expected = this.#captured + frames
    const [captured, failed] = await Promise.all([this.#plugin.numCaptured.get(), this.#failed()])
    this.#refuseBroken(breaks)
    if (!failed && captured === expected) {
      this.#captured = captured
      return false
    }
    await healthy
    this.#refuseBroken(breaks)
    await this.#waitFor(expected, breaks)
    this.#captured = expected
    return true
  }

  /** Where the camera does not wait for its plugins, some frames of a flight without end are still on their way. */
  async #takeAll(breaks: number): Promise<void> {
    const { queueUse } = this.#plugin
    if (isPresent(queueUse)) await until(queueUse, 0, { timeout: this.#timeout })
    const counts = await this.#counts()
    this.#refuseBroken(breaks)
    this.#isComplete(counts, Number.POSITIVE_INFINITY)
    this.#captured = counts.captured
  }

  /** Nobody wants the frames any more that `take` waits for. */
  breakOff(): void {
    this.#breaks++
    this.#waiting?.cancel()
  }

  #refuseBroken(breaks: number): void {
    if (breaks === this.#breaks) return
    throw new AreaDetectorError("NOT_STOPPED", `${this.#plugin.name}: the acquisition was stopped`)
  }

  /** Frames of an acquisition that was broken off, also those that are still on their way: they stay in the file. */
  async passOver(): Promise<void> {
    await this.#backlog.drained()
    await this.#backlog.follow()
    const counts = await this.#counts()
    if (!counts.capturing || counts.captured < this.#captured) {
      throw new AreaDetectorError(
        "CAPTURE_ENDED",
        `${this.#plugin.name}: no longer captures into the file of this run: somebody ended it, or the IOC was restarted`,
      )
    }
    this.#captured = counts.captured
    this.#dropped = counts.dropped
  }

  /** Calls once as soon as it is known that frames are lost or cannot be written; the function it gives ends that. */
  guard(failed: (thrown: unknown) => void): () => void {
    return this.#onChange(async () => {
      this.#isComplete(await this.#counts(), Number.POSITIVE_INFINITY)
    }, failed)
  }

  async #counts(): Promise<Counts> {
    const { numCaptured, droppedArrays, capture } = this.#plugin
    const [captured, dropped, failed, capturing] = await Promise.all([
      numCaptured.get(),
      isPresent(droppedArrays) ? droppedArrays.get() : this.#dropped,
      this.#failed(),
      capture.get(),
    ])
    return { captured, dropped, capturing, failure: failed ? await this.#complaint() : null }
  }

  /** It shows a write error that is not one of a file before. */
  async #failed(): Promise<boolean> {
    const { writeStatus } = this.#plugin
    if (!isPresent(writeStatus)) return false
    const { value, timestamp } = await writeStatus.reading()
    return value === "Write error" && timestamp !== this.#oldError
  }

  /** True when all frames are there, false when some may still come; throws when they never will. */
  #isComplete({ captured, dropped, capturing, failure }: Counts, expected: number): boolean {
    const { name } = this.#plugin
    if (failure !== null) throw new FileWriteError(name, failure.file, failure.message)
    if (dropped > this.#dropped) {
      const lost = dropped - this.#dropped
      this.#dropped = dropped
      throw new DroppedFramesError(name, lost)
    }
    if (!capturing) {
      throw new AreaDetectorError(
        "CAPTURE_ENDED",
        `${name}: stopped capturing after ${captured} frames: somebody ended it, or the IOC was restarted`,
      )
    }
    if (captured > expected) {
      throw new AreaDetectorError(
        "WRONG_FRAME_COUNT",
        `${name}: captured ${captured} frames where ${expected} were expected: somebody else triggers the camera`,
      )
    }
    return captured === expected
  }

  async #waitFor(expected: number, breaks: number): Promise<void> {
    if (this.#isComplete(await this.#counts(), expected)) return
    await checkCallbacks(this.#plugin, this.#driver)
    this.#refuseBroken(breaks)
    const { name } = this.#plugin
    let failure: unknown = null
    let stop = () => {}
    const complete = new Status<void>({ timeout: this.#timeout }, action => {
      const look = async () => {
        if (!this.#isComplete(await this.#counts(), expected)) return
        stop()
        action.finish()
      }
      stop = this.#onChange(look, thrown => {
        failure = thrown
        action.fail(thrown)
      })
    })
    this.#waiting = complete
    try {
      await complete
      this.#refuseBroken(breaks)
    } catch (cause) {
      if (failure !== null) throw failure
      this.#refuseBroken(breaks)
      const { captured } = await this.#counts()
      throw new AreaDetectorError(
        "WRONG_FRAME_COUNT",
        `${name}: captured ${captured} of ${expected} frames within ${formatSeconds(this.#timeout)} after the acquisition`,
        { cause },
      )
    } finally {
      if (this.#waiting === complete) this.#waiting = null
      stop()
    }
  }

  /** Looks now and whenever one of the plugin's counters changes, one look at a time; ends when a look throws. */
  #onChange(look: () => Promise<void>, failed: (thrown: unknown) => void): () => void {
    const { numCaptured, droppedArrays, writeStatus, capture } = this.#plugin
    let over = false
    let looking = false
    let again = false
    const looks = async () => {
      looking = true
      do {
        again = false
        await look()
      } while (again && !over)
      looking = false
    }
    const changed = () => {
      again = true
      if (looking || over) return
      looks().catch(thrown => {
        if (over) return
        end()
        failed(thrown)
      })
    }
    const watched = [numCaptured, writeStatus, capture, droppedArrays].filter(isPresent) as SignalR<unknown>[]
    const subscriptions = watched.map(signal => signal.subscribe(changed))
    const end = () => {
      over = true
      for (const subscription of subscriptions) subscription.unsubscribe()
    }
    return end
  }

  async #complaint(): Promise<{ file: string; message: string }> {
    const { writeMessage, fullFileName } = this.#plugin
    const [message, file] = await Promise.all([
      isPresent(writeMessage) ? writeMessage.get() : "",
      fullFileName.get(),
    ])
    return { file, message }
  }
}
