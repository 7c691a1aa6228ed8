/** The simulated beamline as records of a genuine IOC in a container. */
import { type ContainerIoc, startContainerIoc } from "./container-ioc.ts"
import type { ContainerIocOptions } from "./options.ts"

/** How the beamline in a container differs from the usual one. */
export interface ContainerBeamlineOptions
  extends Pick<ContainerIocOptions, "image" | "base" | "report" | "ports" | "timeout"> {
  /** First part of every PV name. Default `sim:`. */
  readonly prefix?: string
}

/**
 * Starts the databases in `db/` in a container: the PVs that {@link startSoftBeamline} serves, and no Python needed here.
 * @throws IocSimError as {@link startContainerIoc} does.
 */
export function startContainerBeamline(options: ContainerBeamlineOptions = {}): Promise<ContainerIoc> {
  const { prefix = "sim:", ...rest } = options
  return startContainerIoc({ ...rest, macros: { P: prefix } })
}
