import { z } from "zod"
import { InvalidArgument } from "../errors.ts"
import { type DmDataset, type DmFile, dmDataset, dmFile } from "../wire/index.ts"
import type { CallOptions, ServiceClient } from "./service.ts"

export interface ListFilesOptions extends CallOptions {
  queryDict?: Readonly<Record<string, unknown>>
  skip?: number
  /** Default 500000. */
  limit?: number
}

/** What DM knows about files and datasets. Names as in the vendor's `FileCatApi` and `DatasetCatApi`. */
export class CatalogApi {
  readonly #service: ServiceClient

  constructor(service: ServiceClient) {
    this.#service = service
  }

  getExperimentFiles(experimentName: string, options: ListFilesOptions = {}): Promise<DmFile[]> {
    const { queryDict = {}, skip = 0, limit = 500_000 } = options
    const args = { name: experimentName, queryDict, skip, limit }
    return this.#service.call("getExperimentFiles", args, z.array(dmFile), options)
  }

  /** `path` is relative to the experiment's root. @throws ObjectNotFound while DM does not have the file. */
  getExperimentFile(experimentName: string, path: string, options?: CallOptions): Promise<DmFile> {
    return this.#service.call("getExperimentFile", { name: experimentName, path }, dmFile, options)
  }

  getExperimentFileById(experimentName: string, id: string, options?: CallOptions): Promise<DmFile> {
    return this.#service.call("getExperimentFileById", { name: experimentName, id }, dmFile, options)
  }

  /**
   * Stores a document about an experiment; it must name `experimentName` and `datasetName`.
   * @throws ObjectAlreadyExists when the experiment has a dataset of that name.
   */
  addExperimentDataset(
    datasetInfo: Readonly<Record<string, unknown>>,
    options?: CallOptions,
  ): Promise<DmDataset> {
    const args = { name: owner(datasetInfo), datasetInfo }
    return this.#service.call("addExperimentDataset", args, dmDataset, options)
  }

  updateExperimentDataset(
    datasetInfo: Readonly<Record<string, unknown>>,
    options?: CallOptions,
  ): Promise<DmDataset> {
    const args = { name: owner(datasetInfo), datasetInfo }
    return this.#service.call("updateExperimentDataset", args, dmDataset, options)
  }

  getExperimentDatasets(experimentName: string, options?: CallOptions): Promise<DmDataset[]> {
    return this.#service.call("getExperimentDatasets", { name: experimentName }, z.array(dmDataset), options)
  }

  getExperimentDataset(experimentName: string, dataset: string, options?: CallOptions): Promise<DmDataset> {
    return this.#service.call("getExperimentDataset", { name: experimentName, dataset }, dmDataset, options)
  }
}

function owner(datasetInfo: Readonly<Record<string, unknown>>): string {
  for (const key of ["experimentName", "datasetName"]) {
    const value = datasetInfo[key]
    if (typeof value !== "string" || value === "") {
      throw new InvalidArgument(`DM dataset: "${key}" must be a text, not ${JSON.stringify(value)}`)
    }
  }
  return String(datasetInfo["experimentName"])
}
