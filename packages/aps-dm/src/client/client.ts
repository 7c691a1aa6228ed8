import { readFileSync } from "node:fs"
import type { DmConfig } from "../config/config.ts"
import { ConfigurationError } from "../errors.ts"
import type { DmService } from "../wire/index.ts"
import { ApsDbApi } from "./aps-api.ts"
import { CatalogApi } from "./cat-api.ts"
import { ExperimentDaqApi } from "./daq-api.ts"
import { ExperimentDsApi } from "./ds-api.ts"
import { HttpTransport } from "./http.ts"
import { WorkflowProcApi } from "./proc-api.ts"
import { ServiceClient } from "./service.ts"

/**
 * DM's five services, each with a login session of its own, made when it is first used. Construction does no network
 * I/O; a service that is not configured throws ConfigurationError when it is called.
 */
export class DmClient implements AsyncDisposable {
  readonly config: DmConfig
  /** Experiments, files in storage, users. */
  readonly ds: ExperimentDsApi
  /** DAQs and uploads. */
  readonly daq: ExperimentDaqApi
  /** File and dataset metadata. */
  readonly cat: CatalogApi
  /** Workflows and jobs. */
  readonly proc: WorkflowProcApi
  /** Proposals, ESAFs, run cycles. */
  readonly aps: ApsDbApi
  readonly #transport: HttpTransport

  /** @throws ConfigurationError when the configured CA file cannot be read. */
  constructor(config: DmConfig) {
    this.config = config
    if (config.insecure) announceInsecure()
    this.#transport = new HttpTransport({ ca: readAuthority(config.caFile), insecure: config.insecure })
    const service = (name: DmService) => new ServiceClient(name, config, this.#transport)
    this.ds = new ExperimentDsApi(service("ds"), config)
    this.daq = new ExperimentDaqApi(service("daq"))
    this.cat = new CatalogApi(service("cat"))
    this.proc = new WorkflowProcApi(service("proc"))
    this.aps = new ApsDbApi(service("aps"), config)
  }

  /** The account in use: it owns the workflows and jobs. @throws ConfigurationError */
  get username(): string {
    return this.config.username()
  }

  /** @throws ConfigurationError when none is configured. */
  get station(): string {
    return this.config.station
  }

  /** Closes the connections; calls under way fail. The client cannot be used afterwards. */
  close(): void {
    this.#transport.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }
}

function readAuthority(file: string | null): string | null {
  if (file === null) return null
  try {
    return readFileSync(file, "utf8")
  } catch (cause) {
    throw new ConfigurationError(`cannot read the CA file ${file}`, { cause })
  }
}

let announced = false

/** Once per process, on Node's own channel for warnings: a program may listen to it or silence it. */
function announceInsecure(): void {
  if (announced) return
  announced = true
  process.emitWarning("certificates of the DM services are not verified (insecure was asked for)", {
    code: "DM_INSECURE",
  })
}
