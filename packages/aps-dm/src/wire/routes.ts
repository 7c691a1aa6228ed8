/**
 * Every request that client and simulated service exchange, one line each. `known` lines were seen in public sources,
 * `inferred` ones are guesses from call names: a site corrects one with `DmRoutes.with({ stopDaq: { path: … } })`.
 * Facts page "APS Data Management", section 3.
 */

/** Data storage, data acquisition, catalogue, processing, APS database (proposals and ESAFs). */
export const dmServices = ["ds", "daq", "cat", "proc", "aps"] as const
export type DmService = (typeof dmServices)[number]
export type DmVerb = "GET" | "POST" | "PUT" | "DELETE"

/** How a value is written: as it is, encoded twice (see `dmEncode`), or as an encoded JSON document. */
export type DmArgumentForm = "plain" | "encoded" | "json"

export interface DmRoute {
  /** The vendor's name of the call, in lower camel case. */
  readonly call: string
  /** `any`: every service has it. */
  readonly service: DmService | "any"
  readonly verb: DmVerb
  /** Below the root `/dm`. `{x}` plain, `{x*}` encoded; a last segment in `[/…]` may be left out. */
  readonly path: string
  /** Members of the query string, in the order in which they are sent; absent arguments are left out. */
  readonly query?: Readonly<Record<string, DmArgumentForm>>
  /** Members of a form body. */
  readonly form?: Readonly<Record<string, DmArgumentForm>>
  readonly evidence: "known" | "inferred" | "site"
  /** Where it was seen, in the letters of the facts page; empty for a guess. */
  readonly source: string
}

const known =
  (service: DmRoute["service"], source: string) =>
  (call: string, verb: DmVerb, path: string, rest: Pick<DmRoute, "query" | "form"> = {}): DmRoute => ({
    call,
    service,
    verb,
    path,
    ...rest,
    evidence: "known",
    source,
  })
const inferred =
  (service: DmRoute["service"]) =>
  (call: string, verb: DmVerb, path: string, query?: DmRoute["query"]): DmRoute => ({
    call,
    service,
    verb,
    path,
    ...(query === undefined ? {} : { query }),
    evidence: "inferred",
    source: "",
  })

const guessedDs = inferred("ds")
const guessedDaq = inferred("daq")
const guessedCat = inferred("cat")
const guessedProc = inferred("proc")
const guessedAps = inferred("aps")

const experimentFields = {
  stationName: "plain",
  typeName: "encoded",
  description: "encoded",
  rootPath: "encoded",
  storageName: "encoded",
  startDate: "encoded",
  endDate: "encoded",
} as const

export const defaultRoutes: readonly DmRoute[] = [
  known("any", "DMAX, WIRE, JAR")("login", "POST", "/login", {
    form: { username: "plain", password: "plain" },
  }),

  known("ds", "DMAX")("getExperimentsByStation", "GET", "/experimentsByStation/{station}"),
  known("ds", "DMAX")("getExperimentById", "GET", "/experimentsById/{id}"),
  known("ds", "DMAX")("getExperimentByName", "GET", "/experimentsByName/{name*}/{station}"),
  guessedDs("addExperiment", "POST", "/experiments", { name: "encoded", ...experimentFields }),
  guessedDs("updateExperiment", "PUT", "/experimentsByName/{name*}/{station}", experimentFields),
  guessedDs("deleteExperimentByName", "DELETE", "/experimentsByName/{name*}/{station}"),
  guessedDs("statFile", "GET", "/experimentsByName/{name*}/{station}/statFile/{path*}", {
    compression: "plain",
    retrieveMd5Sum: "plain",
  }),
  guessedDs("getUserByUsername", "GET", "/users/{username}"),
  guessedDs(
    "addUserExperimentRole",
    "POST",
    "/experimentUserRoles/{username}/{role}/{experiment*}/{station}",
  ),
  guessedDs(
    "deleteUserExperimentRole",
    "DELETE",
    "/experimentUserRoles/{username}/{role}/{experiment*}/{station}",
  ),

  known("daq", "DMAX")("startDaq", "POST", "/experimentsByName/{name*}/startDaq/{dataDirectory*}", {
    query: { taskInfo: "json" },
  }),
  guessedDaq("stopDaq", "POST", "/experimentsByName/{name*}/stopDaq/{dataDirectory*}"),
  guessedDaq("listDaqs", "GET", "/daqs"),
  guessedDaq("getDaqInfo", "GET", "/daqs/{id}"),
  guessedDaq("clearDaq", "DELETE", "/daqs/{id}"),
  guessedDaq("upload", "POST", "/experimentsByName/{name*}/upload/{dataDirectory*}", { taskInfo: "json" }),
  guessedDaq("listUploads", "GET", "/uploads"),
  guessedDaq("getUploadInfo", "GET", "/uploads/{id}"),
  guessedDaq("clearUpload", "DELETE", "/uploads/{id}"),
  guessedDaq("stopUpload", "POST", "/uploads/{id}/stopUpload"),
  guessedDaq("listUploadRecords", "GET", "/uploadRecords", { queryDict: "json" }),
  guessedDaq("listProcessingPlugins", "GET", "/processingPlugins"),

  guessedCat("addExperimentDataset", "POST", "/experimentDatasets/{name*}", { datasetInfo: "json" }),
  guessedCat("updateExperimentDataset", "PUT", "/experimentDatasets/{name*}", { datasetInfo: "json" }),
  guessedCat("getExperimentDatasets", "GET", "/experimentDatasets/{name*}"),
  guessedCat("getExperimentDataset", "GET", "/experimentDatasets/{name*}/{dataset*}"),
  guessedCat("getExperimentFiles", "GET", "/experimentFiles/{name*}", {
    queryDict: "json",
    skip: "plain",
    limit: "plain",
  }),
  guessedCat("getExperimentFile", "GET", "/experimentFiles/{name*}/{path*}"),
  guessedCat("getExperimentFileById", "GET", "/experimentFilesById/{name*}/{id}"),

  known("proc", "DMAX")("listWorkflows", "GET", "/workflowsByOwner/{owner}", {
    query: { queryDict: "json" },
  }),
  known("proc", "DMAX")("getWorkflowByName", "GET", "/workflowsByOwner/{owner}/{name*}"),
  known("proc", "DMAX")("addWorkflow", "POST", "/workflows/addWorkflow", {
    query: { allowCurrentUsername: "plain", workflow: "json" },
  }),
  known("proc", "DMAX")("updateWorkflow", "PUT", "/workflows/updateWorkflow", {
    query: { allowCurrentUsername: "plain", workflow: "json" },
  }),
  guessedProc("upsertWorkflow", "PUT", "/workflows/upsertWorkflow", {
    allowCurrentUsername: "plain",
    workflow: "json",
  }),
  guessedProc("getWorkflowById", "GET", "/workflowsById/{owner}/{id}"),
  guessedProc("deleteWorkflowByName", "DELETE", "/workflowsByOwner/{owner}/{name*}"),
  known("proc", "DMAX")("listProcessingJobs", "GET", "/processingJobsByOwner/{owner}", {
    query: { queryDict: "json", skip: "plain", limit: "plain", keyList: "json" },
  }),
  known("proc", "DMAX")("getProcessingJobById", "GET", "/processingJobsByOwner/{owner}/{jobId}"),
  known("proc", "DMAX")(
    "startProcessingJob",
    "POST",
    "/processingJobsByWorkflow/{owner}/{name*}/startProcessingJob",
    { query: { argsDict: "json" } },
  ),

  known("aps", "DMAX")("listStationEsafs", "GET", "/esaf/stationEsafs/{station*}[/{beamline*}]", {
    query: { year: "plain" },
  }),
  known("aps", "DMAX")("getStationEsafById", "GET", "/esaf/stationEsafsById/{station*}/{esafId}"),
  guessedAps("listStationEsafsByDateRange", "GET", "/esaf/stationEsafsByDateRange/{station*}", {
    startDate: "plain",
    endDate: "plain",
  }),
  known("aps", "DMAX")("listStationProposals", "GET", "/bss/stationProposals/{station*}[/{beamline*}]", {
    query: { runName: "plain" },
  }),
  known("aps", "DMAX")("getStationProposalById", "GET", "/bss/stationProposalsById/{station*}/{id}", {
    query: { runName: "plain" },
  }),
  known("aps", "WIRE")("getCurrentRun", "GET", "/bss/runs/current"),
]
