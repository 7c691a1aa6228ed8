import { boolean, double, integer, string } from "@ophyd-ts/core"
import { jobState } from "../jobs/job-state.ts"
import { type DmJob, localStates } from "../wire/index.ts"
import { ShownDevice, seconds } from "./shown-device.ts"

/** The signals that show a workflow's job, and those that say how it is watched. */
export class JobSignals extends ShownDevice {
  /** Account that owns the workflow; empty until the first start means the client's. */
  readonly owner = this.soft.rw(string, { kind: "config" })
  readonly workflow = this.soft.rw(string)
  readonly jobId = this.soft.r(string, { initial: localStates.notRun })
  /** As DM counts it; -1 while DM gives none. */
  readonly runTime = this.soft.r(double, { units: "s" })
  readonly stageId = this.soft.r(string, { initial: localStates.notRun })
  /** `not_run`, `starting`, `refused`, and from then on DM's own words. */
  readonly status = this.soft.r(string, { initial: localStates.notRun })
  readonly pollingPeriod = this.soft.rw(double, seconds(1, 0.01, 3600))
  readonly reportingPeriod = this.soft.rw(double, seconds(10, 1, 86_400))
  /** Reports as one line, or as a table of stages. */
  readonly conciseReporting = this.soft.rw(boolean, { initial: true, kind: "config" })
  /** Position of the stage, from 1. */
  readonly stageIndex = this.soft.r(integer)
  readonly stageCount = this.soft.r(integer)
  readonly failedStage = this.soft.r(string)
  /** Of the command that failed; -1 when there is none. */
  readonly exitStatus = this.soft.r(integer, { initial: -1 })
  readonly errorMessage = this.soft.r(string)
  /** Whether DM answered the last poll. */
  readonly serviceConnected = this.soft.r(boolean, { as: "connected", initial: true })

  /** Shows what DM says of a job. */
  protected showJob(job: DmJob): void {
    const state = jobState(job)
    this.show(this.runTime, state.runTime)
    this.show(this.stageIndex, state.stageIndex)
    this.show(this.stageCount, state.stageCount)
    this.show(this.failedStage, state.failedStage)
    this.show(this.exitStatus, state.exitStatus ?? -1)
    this.show(this.errorMessage, state.errorMessage)
    this.show(this.stageId, state.stage)
    // Last, so that whoever waits for a status finds the rest in place.
    this.show(this.status, state.status)
  }
}
