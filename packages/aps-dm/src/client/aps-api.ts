import { z } from "zod"
import type { DmConfig } from "../config/config.ts"
import {
  type DmEsaf,
  type DmProposal,
  type DmRunCycle,
  dmEsaf,
  dmProposal,
  dmRunCycle,
} from "../wire/index.ts"
import type { CallOptions, ServiceClient } from "./service.ts"

interface Where extends CallOptions {
  /** Default the configured one. */
  station?: string
  /** As `DM_BEAMLINE_NAME` has it, e.g. `255-ID-Z`. */
  beamline?: string
}

/** ESAFs, proposals and run cycles. Names as in the vendor's `EsafApsDbApi` and `BssApsDbApi`. */
export class ApsDbApi {
  readonly #service: ServiceClient
  readonly #config: DmConfig

  constructor(service: ServiceClient, config: DmConfig) {
    this.#service = service
    this.#config = config
  }

  listStationEsafs(options: Where & { year?: number } = {}): Promise<DmEsaf[]> {
    const { station = this.#config.station, beamline, year } = options
    return this.#service.call("listStationEsafs", { station, beamline, year }, z.array(dmEsaf), options)
  }

  /** Dates as `YYYY-MM-DD`. */
  listStationEsafsByDateRange(startDate: string, endDate: string, options: Where = {}): Promise<DmEsaf[]> {
    const args = { station: options.station ?? this.#config.station, startDate, endDate }
    return this.#service.call("listStationEsafsByDateRange", args, z.array(dmEsaf), options)
  }

  getStationEsafById(esafId: number | string, options: Where = {}): Promise<DmEsaf> {
    const args = { station: options.station ?? this.#config.station, esafId }
    return this.#service.call("getStationEsafById", args, dmEsaf, options)
  }

  /** `runName`: the run cycle, e.g. `2026-1`. */
  listStationProposals(options: Where & { runName?: string } = {}): Promise<DmProposal[]> {
    const { station = this.#config.station, beamline, runName } = options
    const args = { station, beamline, runName }
    return this.#service.call("listStationProposals", args, z.array(dmProposal), options)
  }

  getStationProposalById(
    id: number | string,
    options: Where & { runName?: string } = {},
  ): Promise<DmProposal> {
    const { station = this.#config.station, runName } = options
    return this.#service.call("getStationProposalById", { station, id, runName }, dmProposal, options)
  }

  getCurrentRun(options?: CallOptions): Promise<DmRunCycle> {
    return this.#service.call("getCurrentRun", {}, dmRunCycle, options)
  }
}
