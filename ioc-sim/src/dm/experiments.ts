import { mkdir, rm } from "node:fs/promises"
import { join } from "node:path"
import type { Clock } from "@ophyd-ts/core"
import { checkRoom, type Doc, flagIn, optionalTextIn, textIn } from "./documents.ts"
import { DmRefusal } from "./errors.ts"
import type { DmUser } from "./sessions.ts"
import { dateText, dayText } from "./time/texts.ts"

/** What is told about a new experiment; everything but the name has a default. */
export interface ExperimentInput {
  readonly name: string
  readonly stationName?: string
  /** One of the service's types, by default the first. */
  readonly typeName?: string
  readonly description?: string
  /** Directory of the experiment below the station's, e.g. the run cycle `2026-1`. */
  readonly rootPath?: string
  /** Days as `YYYY-MM-DD` or `DD-Mon-YY`. */
  readonly startDate?: string
  readonly endDate?: string
  readonly users?: readonly string[]
  /** Data, analysis and system directories. Default true; without, the experiment has no `dataDirectory`. */
  readonly managedDirectoryStructure?: boolean
}

/** Refused in an experiment's name by the vendor's program. */
const forbidden = /[#%&}{\s\\<>*?/$!:@'"]/
const maxName = 128
const maxExperiments = 10_000

const shortKeys = [
  "id",
  "name",
  "description",
  "stationName",
  "experimentStationId",
  "experimentStation",
  "experimentTypeId",
  "experimentType",
  "primaryStorageId",
  "primaryStorage",
  "startDate",
  "endDate",
  "createDate",
  "updateDate",
] as const

export interface ExperimentStoreOptions {
  readonly dataRoot: string
  readonly station: string
  readonly stations: readonly string[]
  readonly types: readonly string[]
  readonly timeZone: string
  readonly clock: Clock
  readonly accounts: { readonly user: string; readonly admin: string }
}

/** Where files of an experiment go. */
export interface ExperimentPlaces {
  /** Root of data: the data directory, or the storage directory of an experiment without managed directories. */
  readonly data: string
  /** Root of results, made in the same way. */
  readonly analysis: string
  readonly storage: string
}

/** Experiments with their storage, which are real directories below the service's data root. */
export class Experiments {
  readonly #options: ExperimentStoreOptions
  readonly #all = new Map<number, Doc>()
  #nextId = 90_001

  constructor(options: ExperimentStoreOptions) {
    this.#options = options
  }

  async add(input: ExperimentInput): Promise<Doc> {
    const { clock, timeZone, stations, types } = this.#options
    const name = checkedName(input.name)
    const stationName = input.stationName ?? this.#options.station
    const station = stations.indexOf(stationName)
    if (station < 0) throw new DmRefusal("ObjectNotFound", `station ${stationName} does not exist`)
    const typeName = input.typeName ?? types[0] ?? "TEST"
    const type = types.indexOf(typeName)
    if (type < 0) throw new DmRefusal("ObjectNotFound", `experiment type ${typeName} does not exist`)
    if (this.#find(name, stationName) !== undefined) {
      throw new DmRefusal(
        "ObjectAlreadyExists",
        `experiment ${name} of station ${stationName} already exists`,
      )
    }
    checkRoom(this.#all.size, maxExperiments, "experiments")
    const now = clock.time()
    const rootPath = checkedRootPath(input.rootPath ?? dateText(now, timeZone).slice(0, 4))
    const storageDirectory = join(this.#options.dataRoot, stationName, rootPath, name)
    const managed = input.managedDirectoryStructure ?? true
    const folders = managed ? ["data", "analysis", "system"] : [""]
    for (const folder of folders) await mkdir(join(storageDirectory, folder), { recursive: true })
    const id = this.#nextId++
    const date = dateText(now, timeZone)
    const experiment: Doc = {
      id,
      name,
      description: input.description ?? "",
      stationName,
      experimentStationId: station + 1,
      experimentStation: { id: station + 1, name: stationName, description: `Station ${stationName}` },
      experimentTypeId: type + 1,
      experimentType: { id: type + 1, name: typeName, description: `Experiments of type ${typeName}` },
      primaryStorageId: 1,
      primaryStorage: { id: 1, name: "depot", description: "simulated storage" },
      rootPath,
      storageHost: "localhost",
      storageDirectory,
      storageUrl: `depot://localhost${storageDirectory}`,
      managedDirectoryStructure: managed,
      experimentUsernameList: [...(input.users ?? [])],
      authGroupName: `${stationName}-${id}`,
      beamlineUserAccount: this.#options.accounts.user,
      beamlineAdminAccount: this.#options.accounts.admin,
      startDate: this.#day(input.startDate, now),
      endDate: this.#day(input.endDate, now + 90 * 86_400),
      createDate: date,
      updateDate: date,
    }
    if (managed) {
      for (const folder of folders) experiment[`${folder}Directory`] = join(storageDirectory, folder)
      Object.assign(experiment, { dataDirectoryFrozen: false, analysisDirectoryFrozen: false })
    }
    this.#all.set(id, experiment)
    return experiment
  }

  /** The full form. @throws DmRefusal ObjectNotFound, AuthorizationError */
  byId(id: unknown, user?: DmUser): Doc {
    const experiment = this.#all.get(Number(id))
    if (experiment === undefined)
      throw new DmRefusal("ObjectNotFound", `experiment with id ${id} does not exist`)
    if (user !== undefined) this.checkStation(user, String(experiment.stationName))
    return experiment
  }

  /** The full form. @throws DmRefusal ObjectNotFound, AuthorizationError, InvalidRequest */
  byName(name: unknown, station: unknown = this.#options.station, user?: DmUser): Doc {
    if (user !== undefined) this.checkStation(user, String(station))
    const experiment = this.#find(checkedName(name), String(station))
    if (experiment === undefined) {
      throw new DmRefusal("ObjectNotFound", `experiment ${name} of station ${station} does not exist`)
    }
    return experiment
  }

  /** The short form, newest first: no users, directories or accounts. */
  byStation(station: unknown, user?: DmUser): Doc[] {
    if (user !== undefined) this.checkStation(user, String(station))
    return [...this.#all.values()]
      .filter(e => e.stationName === station)
      .reverse()
      .map(e => Object.fromEntries(shortKeys.map(key => [key, e[key]])))
  }

  update(name: unknown, station: unknown, changes: Readonly<Doc>, user?: DmUser): Doc {
    const experiment = this.byName(name, station, user)
    const { clock, timeZone } = this.#options
    const description = optionalTextIn(changes, "description", "experiment")
    const startDate = optionalTextIn(changes, "startDate", "experiment")
    const endDate = optionalTextIn(changes, "endDate", "experiment")
    if (description !== undefined) experiment.description = description
    if (startDate !== undefined) experiment.startDate = this.#day(startDate, 0)
    if (endDate !== undefined) experiment.endDate = this.#day(endDate, 0)
    experiment.updateDate = dateText(clock.time(), timeZone)
    return experiment
  }

  async delete(name: unknown, station: unknown, user?: DmUser): Promise<Doc> {
    const experiment = this.byName(name, station, user)
    this.#all.delete(Number(experiment.id))
    await rm(String(experiment.storageDirectory), { recursive: true, force: true })
    return experiment
  }

  /** Adds or removes an account of an experiment. */
  changeUser(verb: "add" | "remove", username: string, name: unknown, station: unknown, user?: DmUser): Doc {
    const experiment = this.byName(name, station, user)
    const others = (experiment.experimentUsernameList as string[]).filter(u => u !== username)
    experiment.experimentUsernameList = verb === "add" ? [...others, username] : others
    return experiment
  }

  /** The experiment as the fields of a request describe it. */
  addFrom(fields: Readonly<Doc>, user?: DmUser): Promise<Doc> {
    const where = "experiment"
    const stationName = optionalTextIn(fields, "stationName", where) ?? this.#options.station
    if (user !== undefined) this.checkStation(user, stationName)
    const optional = Object.fromEntries(
      ["typeName", "description", "rootPath", "startDate", "endDate"].flatMap(key => {
        const value = optionalTextIn(fields, key, where)
        return value === undefined ? [] : [[key, value]]
      }),
    )
    const managed = fields.managedDirectoryStructure
    return this.add({
      name: textIn(fields, "name", where),
      stationName,
      ...optional,
      ...(managed === undefined
        ? {}
        : { managedDirectoryStructure: flagIn(fields, "managedDirectoryStructure") }),
    })
  }

  /** @throws DmRefusal AuthorizationError */
  checkStation(user: DmUser, station: string): void {
    const allowed = user.stations ?? [this.#options.station]
    if (user.role !== "admin" && !allowed.includes(station)) {
      throw new DmRefusal("AuthorizationError", `${user.username} is not authorized for station ${station}`)
    }
  }

  #find(name: string, station: string): Doc | undefined {
    return [...this.#all.values()].find(e => e.name === name && e.stationName === station)
  }

  #day(text: string | undefined, fallback: number): string {
    const { timeZone } = this.#options
    const day = dayText(text ?? dateText(fallback, timeZone), timeZone)
    if (day === undefined)
      throw new DmRefusal("InvalidArgument", `not a date (YYYY-MM-DD or DD-Mon-YY): ${text}`)
    return day
  }
}

export function placesOf(experiment: Readonly<Doc>): ExperimentPlaces {
  const storage = String(experiment.storageDirectory)
  return {
    storage,
    data: String(experiment.dataDirectory ?? storage),
    analysis: String(experiment.analysisDirectory ?? storage),
  }
}

/** @throws DmRefusal InvalidRequest */
function checkedName(name: unknown): string {
  if (typeof name !== "string" || name === "")
    throw new DmRefusal("InvalidRequest", "the experiment's name is empty")
  const bad = forbidden.exec(name)?.[0]
  if (bad !== undefined) {
    throw new DmRefusal(
      "InvalidRequest",
      `experiment name ${JSON.stringify(name)} holds the character "${bad}"`,
    )
  }
  if (name === "." || name === ".." || name.length > maxName || name.includes("\0")) {
    throw new DmRefusal(
      "InvalidRequest",
      `experiment name ${JSON.stringify(name.slice(0, maxName))} is not usable`,
    )
  }
  return name
}

function checkedRootPath(path: string): string {
  const parts = path.split("/")
  if (parts.some(p => p === "" || p === "." || p === ".." || p.includes("\0"))) {
    throw new DmRefusal("InvalidArgument", `root path ${JSON.stringify(path)} is not a plain relative path`)
  }
  return path
}
