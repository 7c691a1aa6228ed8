import type { DmClient } from "../client/index.ts"
import { InvalidArgument, ObjectNotFound } from "../errors.ts"
import { textTable } from "../jobs/table.ts"
import type { DmExperiment, DmFile } from "../wire/index.ts"

/** The part of a client that a function needs, so that tests can hand over less. */
export type DataStorage = Pick<DmClient, "ds">
export type Catalog = Pick<DmClient, "cat">

const forbidden = /[#%&}{ \\<>*?/$!:@'"]/

/** @throws InvalidArgument on an empty name or a character that DM does not allow in one. */
export function checkExperimentName(name: string): void {
  if (name === "") throw new InvalidArgument("the name of the DM experiment is empty")
  const found = forbidden.exec(name)?.[0]
  if (found !== undefined) {
    throw new InvalidArgument(`DM experiment "${name}": ${JSON.stringify(found)} is not allowed in a name`)
  }
}

/**
 * The experiment, if DM can store data in it.
 * @throws ObjectNotFound when it does not exist or has no data directory, InvalidArgument on an impossible name.
 */
export async function validateExperimentDataDirectory(
  dm: DataStorage,
  experiment: string,
): Promise<DmExperiment & { dataDirectory: string }> {
  checkExperimentName(experiment)
  const found = await dm.ds.getExperimentByName(experiment)
  const { dataDirectory } = found
  if (dataDirectory === undefined || dataDirectory === "") {
    throw new ObjectNotFound(`DM experiment "${experiment}" has no data directory: it is not managed by DM`)
  }
  return { ...found, dataDirectory }
}

/** Where DM stores the experiment's files. @throws ObjectNotFound */
export async function dmGetExperimentPath(dm: DataStorage, experiment: string): Promise<string> {
  const { storageDirectory } = await dm.ds.getExperimentByName(experiment)
  if (storageDirectory !== undefined) return storageDirectory
  throw new ObjectNotFound(`DM experiment "${experiment}" has no storage directory`)
}

export interface ListExperimentsOptions {
  /** Default id, name, startDate, experimentType, experimentStation. */
  keys?: readonly string[]
  /** Shown where an experiment lacks a key; default `-na-`. */
  defaultValue?: string
  station?: string
}

/** Experiments of the station, newest first, as rows of texts; members that are objects are shown by description. */
export async function dmGetExperiments(
  dm: DataStorage,
  options: ListExperimentsOptions = {},
): Promise<Record<string, string>[]> {
  const { keys = defaultKeys, defaultValue = "-na-", station } = options
  const experiments = await dm.ds.getExperimentsByStation(station)
  return experiments.map(experiment =>
    Object.fromEntries(keys.map(key => [key, cell(experiment[key], defaultValue)])),
  )
}

/** The same as a table for people. */
export async function dmExperimentsTable(
  dm: DataStorage,
  options: ListExperimentsOptions = {},
): Promise<string> {
  const { keys = defaultKeys } = options
  const rows = await dmGetExperiments(dm, options)
  return textTable(
    keys,
    rows.map(row => keys.map(key => row[key] ?? "")),
  )
}

const defaultKeys = ["id", "name", "startDate", "experimentType", "experimentStation"]

function cell(value: unknown, missing: string): string {
  if (value === undefined || value === null) return missing
  if (typeof value !== "object") return String(value)
  const described = (value as { description?: unknown }).description
  return typeof described === "string" ? described : JSON.stringify(value)
}

/** `file` is relative to the experiment's root. @throws ObjectNotFound while DM does not have it. */
export const dmGetExperimentFile = (dm: Catalog, experiment: string, file: string): Promise<DmFile> =>
  dm.cat.getExperimentFile(experiment, file)

/** Whether a workflow may read the file now: it is complete, and compressed or checked if that is asked for. */
export async function dmFileReadyToProcess(
  dm: DataStorage,
  experiment: string,
  path: string,
  options: { compression?: boolean; retrieveMd5Sum?: boolean } = {},
): Promise<boolean> {
  return (await dm.ds.statFile(experiment, path, options)).readyForProcessing ?? false
}
