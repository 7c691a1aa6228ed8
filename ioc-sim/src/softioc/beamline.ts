/** The simulated beamline as records of a genuine IOC, with the PV names of the embedded one. */
import { join } from "node:path"
import { packageFolder } from "./python.ts"
import { type SoftIoc, type SoftIocOptions, startSoftIoc } from "./softioc.ts"

/** How the beamline of records differs from the usual one. */
export interface SoftBeamlineOptions extends Pick<SoftIocOptions, "ports" | "timeout"> {
  /** First part of every PV name. Default `sim:`. */
  readonly prefix?: string
}

/**
 * Starts the databases in `db/` in a genuine IOC: three motors, a detector whose counts have a peak over `m1`, ring
 * current, shutter, scaler and busy.
 * @throws IocSimError as {@link startSoftIoc} does.
 */
export function startSoftBeamline(options: SoftBeamlineOptions = {}): Promise<SoftIoc> {
  const { prefix = "sim:", ...rest } = options
  const database = ["motors", "source", "detector", "scaler"].map(name =>
    join(packageFolder, "db", `${name}.db`),
  )
  return startSoftIoc({ ...rest, database, macros: { P: prefix }, motor: true })
}
