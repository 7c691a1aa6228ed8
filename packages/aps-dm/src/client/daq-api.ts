import { z } from "zod"
import { type DmTaskInfo, type DmTransfer, dmTransfer } from "../wire/index.ts"
import type { CallOptions, ServiceClient } from "./service.ts"

const freeDocument = z.record(z.string(), z.unknown())

/** DAQs (watched directories) and uploads. Names as in the vendor's `ExperimentDaqApi`. */
export class ExperimentDaqApi {
  readonly #service: ServiceClient

  constructor(service: ServiceClient) {
    this.#service = service
  }

  /** Seconds since 1970 on the service's clock, to a second; null while no answer has told. */
  get serviceTime(): number | null {
    return this.#service.time
  }

  startDaq(
    experimentName: string,
    dataDirectory: string,
    daqInfo: DmTaskInfo = {},
    options?: CallOptions,
  ): Promise<DmTransfer> {
    const args = { name: experimentName, dataDirectory, taskInfo: daqInfo }
    return this.#service.call("startDaq", args, dmTransfer, options)
  }

  async stopDaq(experimentName: string, dataDirectory: string, options?: CallOptions): Promise<void> {
    await this.#service.call("stopDaq", { name: experimentName, dataDirectory }, z.unknown(), options)
  }

  /** All DAQs of the service, of any experiment and in any state. */
  listDaqs(options?: CallOptions): Promise<DmTransfer[]> {
    return this.#service.call("listDaqs", {}, z.array(dmTransfer), options)
  }

  getDaqInfo(id: string, options?: CallOptions): Promise<DmTransfer> {
    return this.#service.call("getDaqInfo", { id }, dmTransfer, options)
  }

  async clearDaq(id: string, options?: CallOptions): Promise<void> {
    await this.#service.call("clearDaq", { id }, z.unknown(), options)
  }

  /** Copies a directory, or with `experimentFilePath` one file of it, once. */
  upload(
    experimentName: string,
    dataDirectory: string,
    daqInfo: DmTaskInfo = {},
    options?: CallOptions,
  ): Promise<DmTransfer> {
    const args = { name: experimentName, dataDirectory, taskInfo: daqInfo }
    return this.#service.call("upload", args, dmTransfer, options)
  }

  listUploads(options?: CallOptions): Promise<DmTransfer[]> {
    return this.#service.call("listUploads", {}, z.array(dmTransfer), options)
  }

  getUploadInfo(id: string, options?: CallOptions): Promise<DmTransfer> {
    return this.#service.call("getUploadInfo", { id }, dmTransfer, options)
  }

  async stopUpload(id: string, options?: CallOptions): Promise<void> {
    await this.#service.call("stopUpload", { id }, z.unknown(), options)
  }

  async clearUpload(id: string, options?: CallOptions): Promise<void> {
    await this.#service.call("clearUpload", { id }, z.unknown(), options)
  }

  /** History of uploads. The spelling of their members is unsure, so they come as they are. */
  listUploadRecords(
    queryDict: Readonly<Record<string, unknown>> = {},
    options?: CallOptions,
  ): Promise<Record<string, unknown>[]> {
    return this.#service.call("listUploadRecords", { queryDict }, z.array(freeDocument), options)
  }

  listProcessingPlugins(options?: CallOptions): Promise<Record<string, unknown>[]> {
    return this.#service.call("listProcessingPlugins", {}, z.array(freeDocument), options)
  }
}
