import { choice, double, integer, string } from "@ophyd-ts/core"
import { EpicsDevice } from "../../device/epics-device.ts"

/**
 * The fields that every EPICS record has, as far as users set them.
 *
 * Here and in the records of this folder, links and expressions are asked for with a `$` behind the field, because they
 * may be longer than the 39 characters that fit a string of Channel Access: cut off, they would be saved and restored so.
 */
export class RecordFields extends EpicsDevice {
  readonly description = this.signal.rw(string, ".DESC", { kind: "config" })
  /** Sites may have further rates. */
  readonly scanningRate = this.signal.rw(choice.subset("Passive", "Event", "I/O Intr"), ".SCAN", {
    kind: "config",
  })
  readonly forwardLink = this.signal.rw(string, ".FLNK$", { kind: "config" })
  /** The record is disabled while this equals `disableInput`. */
  readonly disableValue = this.signal.rw(integer, ".DISV", { kind: "omitted" })
  readonly disableInput = this.signal.rw(integer, ".DISA", { kind: "omitted" })
  readonly disableInputLink = this.signal.rw(string, ".SDIS$", { kind: "omitted" })
  /** Processes the record; done when it and what it sets going are. */
  readonly processRecord = this.signal.x(integer, ".PROC", 1, { kind: "omitted" })
}

/** Value, units and range of a record that calculates a number. */
export class CalcFields extends RecordFields {
  readonly calculatedValue = this.signal.rw(double, ".VAL", { kind: "hinted" })
  readonly precision = this.signal.rw(integer, ".PREC", { kind: "config" })
}

/** `A` to `L`, as many as asked for. */
export const letters = (count: number): string[] => [..."ABCDEFGHIJKLMNOP"].slice(0, count)
