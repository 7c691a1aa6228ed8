import { z } from "zod"
import { type DmJob, type DmWorkflow, dmJob, dmWorkflow, idText } from "../wire/index.ts"
import type { CallOptions, ServiceClient } from "./service.ts"

/** Which members of the jobs: some by name, a short set, or everything (many MB for thousands of jobs). */
export type DmKeyList = readonly string[] | "DEFAULT" | "ALL"

export interface ListJobsOptions extends CallOptions {
  /** Default `DEFAULT`. */
  keyList?: DmKeyList
  /** Equality on members; the matching rules of the real service are inferred. Default everything. */
  queryDict?: Readonly<Record<string, unknown>>
  skip?: number
  /** Default 5000. */
  limit?: number
}

/** Workflows and processing jobs. Names as in the vendor's `WorkflowProcApi`. */
export class WorkflowProcApi {
  readonly #service: ServiceClient

  constructor(service: ServiceClient) {
    this.#service = service
  }

  listWorkflows(owner: string, options?: CallOptions): Promise<DmWorkflow[]> {
    return this.#service.call("listWorkflows", { owner, queryDict: {} }, z.array(dmWorkflow), options)
  }

  getWorkflowByName(owner: string, name: string, options?: CallOptions): Promise<DmWorkflow> {
    return this.#service.call("getWorkflowByName", { owner, name }, dmWorkflow, options)
  }

  getWorkflowById(owner: string, id: string, options?: CallOptions): Promise<DmWorkflow> {
    return this.#service.call("getWorkflowById", { owner, id }, dmWorkflow, options)
  }

  /** @throws ObjectAlreadyExists when the owner has one of that name. */
  addWorkflow(workflow: DmWorkflow, options?: CallOptions): Promise<DmWorkflow> {
    return this.#service.call("addWorkflow", { allowCurrentUsername: 0, workflow }, dmWorkflow, options)
  }

  /** Takes the whole document, not a part of it. */
  updateWorkflow(workflow: DmWorkflow, options?: CallOptions): Promise<DmWorkflow> {
    return this.#service.call("updateWorkflow", { allowCurrentUsername: 0, workflow }, dmWorkflow, options)
  }

  upsertWorkflow(workflow: DmWorkflow, options?: CallOptions): Promise<DmWorkflow> {
    return this.#service.call("upsertWorkflow", { allowCurrentUsername: 0, workflow }, dmWorkflow, options)
  }

  async deleteWorkflowByName(owner: string, name: string, options?: CallOptions): Promise<void> {
    await this.#service.call("deleteWorkflowByName", { owner, name }, z.unknown(), options)
  }

  listProcessingJobs(owner: string, options: ListJobsOptions = {}): Promise<DmJob[]> {
    const { keyList = "DEFAULT", queryDict = {}, skip = 0, limit = 5000 } = options
    const args = { owner, queryDict, skip, limit, keyList }
    return this.#service.call("listProcessingJobs", args, z.array(dmJob), options)
  }

  getProcessingJobById(owner: string, jobId: string, options?: CallOptions): Promise<DmJob> {
    return this.#service.call("getProcessingJobById", { owner, jobId }, dmJob, options)
  }

  /**
   * Submits a job, once: when the answer is lost, the CommunicationError says `outcomeUnknown`, and the job may run.
   * `submitJob` looks for it then.
   */
  startProcessingJob(
    workflowOwner: string,
    workflowName: string,
    argsDict: Readonly<Record<string, unknown>>,
    options?: CallOptions,
  ): Promise<DmJob & { id: string }> {
    const args = { owner: workflowOwner, name: workflowName, argsDict }
    return this.#service.call("startProcessingJob", args, dmJob.extend({ id: idText }), options)
  }
}
