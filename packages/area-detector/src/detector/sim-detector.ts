import { SimDriver } from "../device/sim-driver.ts"
import type { PluginChoices } from "../plugins/standard.ts"
import { AreaDetector, type DetectorOptions } from "./area-detector.ts"

/**
 * A detector of ADSimDetector, or of the simulated beamline:
 * `new SimDetector("S1:ad:", { name: "det", paths: datedPaths("/data"), plugins: { stats: true, roi: true } })`.
 */
export class SimDetector<const P extends PluginChoices = Record<never, never>> extends AreaDetector<
  SimDriver,
  P
> {
  constructor(prefix: string, options: DetectorOptions<P> = {}) {
    super(prefix, { ...options, driver: SimDriver })
  }
}
