import { ValueError } from "@ophyd-ts/core"

/** Throws `ValueError` for what is no position of an axis, whatever its limits: an axis without any would be sent to NaN. */
export function checkPosition(who: string, position: number): void {
  if (!Number.isFinite(position)) throw new ValueError(`${who}: ${position} is no position`)
}
