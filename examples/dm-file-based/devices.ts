import { choice, double, type Status } from "@ophyd-ts/core"
import { EpicsDevice } from "@ophyd-ts/epics"

/** A point detector: writing Acquire completes when the counts of this exposure can be read. */
export class PointDetector extends EpicsDevice {
  readonly acquire = this.signal.rw(choice("Done", "Acquire"), "Acquire", {
    completion: true,
    kind: "omitted",
  })
  readonly acquireTime = this.signal.rw(double, "AcquireTime", { kind: "config" })
  readonly counts = this.signal.r(double, "Counts", { kind: "hinted" })
  readonly monitor = this.signal.r(double, "Monitor")

  override trigger(): Status<unknown> {
    return this.acquire.set("Acquire")
  }
}
