import { z } from "zod"
import type { DmConfig } from "../config/config.ts"
import { type DmExperiment, type DmFile, type DmUser, dmExperiment, dmFile, dmUser } from "../wire/index.ts"
import type { CallOptions, ServiceClient } from "./service.ts"

export interface StatFileOptions extends CallOptions {
  /** Default the configured one. */
  station?: string
  /** Ask for the state after compression. */
  compression?: boolean
  retrieveMd5Sum?: boolean
}

/** Members of a new experiment; dates as `DD-Mon-YY`. */
export interface NewExperiment {
  name: string
  typeName: string
  stationName?: string
  description?: string
  rootPath?: string
  storageName?: string
  startDate?: string
  endDate?: string
}

/** Who may do what in an experiment. Usernames are `d` and the badge number. */
export interface UserRole {
  username: string
  role: "User" | "PI"
  experiment: string
  station?: string
}

/** Experiments, files in storage and users. Names as in the vendor's `ExperimentDsApi`, `FileDsApi`, `UserDsApi`. */
export class ExperimentDsApi {
  readonly #service: ServiceClient
  readonly #config: DmConfig

  constructor(service: ServiceClient, config: DmConfig) {
    this.#service = service
    this.#config = config
  }

  /** @throws ObjectNotFound */
  getExperimentByName(name: string, options: CallOptions & { station?: string } = {}): Promise<DmExperiment> {
    const args = { name, station: options.station ?? this.#config.station }
    return this.#service.call("getExperimentByName", args, dmExperiment, options)
  }

  /** @throws ObjectNotFound */
  getExperimentById(id: number | string, options?: CallOptions): Promise<DmExperiment> {
    return this.#service.call("getExperimentById", { id }, dmExperiment, options)
  }

  /** In short form, newest first. */
  getExperimentsByStation(station?: string, options?: CallOptions): Promise<DmExperiment[]> {
    const args = { station: station ?? this.#config.station }
    return this.#service.call("getExperimentsByStation", args, z.array(dmExperiment), options)
  }

  /** @throws ObjectAlreadyExists */
  addExperiment(experiment: NewExperiment, options?: CallOptions): Promise<DmExperiment> {
    const args = { stationName: this.#config.station, ...experiment }
    return this.#service.call("addExperiment", args, dmExperiment, options)
  }

  /** Changes the given members. */
  updateExperiment(
    name: string,
    changes: Partial<Omit<NewExperiment, "name">>,
    options?: CallOptions,
  ): Promise<DmExperiment> {
    const args = { ...changes, name, station: changes.stationName ?? this.#config.station }
    return this.#service.call("updateExperiment", args, dmExperiment, options)
  }

  /** DM deletes the files later, by itself. */
  async deleteExperimentByName(
    name: string,
    options: CallOptions & { station?: string } = {},
  ): Promise<void> {
    const args = { name, station: options.station ?? this.#config.station }
    await this.#service.call("deleteExperimentByName", args, z.unknown(), options)
  }

  /** State of a file in storage: `readyForProcessing` says whether a workflow may read it. */
  statFile(experimentName: string, path: string, options: StatFileOptions = {}): Promise<DmFile> {
    const { station = this.#config.station, compression = false, retrieveMd5Sum = false } = options
    const args = { name: experimentName, station, path, compression, retrieveMd5Sum }
    return this.#service.call("statFile", args, dmFile, options)
  }

  getUserByUsername(username: string, options?: CallOptions): Promise<DmUser> {
    return this.#service.call("getUserByUsername", { username }, dmUser, options)
  }

  async addUserExperimentRole(role: UserRole, options?: CallOptions): Promise<void> {
    const args = { station: this.#config.station, ...role }
    await this.#service.call("addUserExperimentRole", args, z.unknown(), options)
  }

  async deleteUserExperimentRole(role: UserRole, options?: CallOptions): Promise<void> {
    const args = { station: this.#config.station, ...role }
    await this.#service.call("deleteUserExperimentRole", args, z.unknown(), options)
  }
}
