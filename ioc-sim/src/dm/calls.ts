import type { DmArguments } from "@ophyd-ts/aps-dm"
import type { Datasets } from "./catalog/datasets.ts"
import type { FileCatalog } from "./catalog/files.ts"
import { type Doc, flagIn, isDoc, textIn } from "./documents.ts"
import { DmRefusal } from "./errors.ts"
import type { Experiments } from "./experiments.ts"
import type { Jobs } from "./processing/jobs.ts"
import type { Workflows } from "./processing/workflows.ts"
import type { Schedule } from "./schedule.ts"
import type { DmUser } from "./sessions.ts"
import type { Daqs } from "./transfer/daqs.ts"
import type { Uploads } from "./transfer/uploads.ts"

/** What the service is made of. */
export interface Engines {
  readonly users: readonly DmUser[]
  readonly experiments: Experiments
  readonly schedule: Schedule
  readonly files: FileCatalog
  readonly datasets: Datasets
  readonly daqs: Daqs
  readonly uploads: Uploads
  readonly workflows: Workflows
  readonly jobs: Jobs
}

/** Does one call; what it gives is the answer's document. */
export type Call = (args: DmArguments, user: DmUser) => unknown
/** By the names of the route table, so that routes can be corrected without touching this. */
export type CallTable = Readonly<Record<string, Call | undefined>>

export function callTable(engines: Engines): CallTable {
  return {
    ...storageCalls(engines),
    ...transferCalls(engines),
    ...catalogCalls(engines),
    ...processingCalls(engines),
    ...schedulingCalls(engines),
  }
}

const storageCalls = ({ experiments, files, users }: Engines): CallTable => ({
  getExperimentsByStation: (a, user) => experiments.byStation(a.station, user),
  getExperimentById: (a, user) => experiments.byId(a.id, user),
  getExperimentByName: (a, user) => experiments.byName(a.name, a.station, user),
  addExperiment: (a, user) => experiments.addFrom(a, user),
  updateExperiment: (a, user) => experiments.update(a.name, a.station, a, user),
  deleteExperimentByName: (a, user) => experiments.delete(a.name, a.station, user),
  statFile: (a, user) =>
    files.statFile(experiments.byName(a.name, a.station, user), a, flagIn(a, "retrieveMd5Sum")),
  getUserByUsername: a => publicUser(users, a.username),
  addUserExperimentRole: (a, user) =>
    experiments.changeUser("add", textIn(a, "username", "role"), a.experiment, a.station, user),
  deleteUserExperimentRole: (a, user) =>
    experiments.changeUser("remove", textIn(a, "username", "role"), a.experiment, a.station, user),
})

const transferCalls = ({ daqs, uploads }: Engines): CallTable => ({
  startDaq: (a, user) => daqs.start(a.name, textIn(a, "dataDirectory", "startDaq"), taskInfo(a), user),
  stopDaq: (a, user) => daqs.stop(a.name, textIn(a, "dataDirectory", "stopDaq"), user),
  listDaqs: () => daqs.list(),
  getDaqInfo: a => daqs.get(a.id),
  clearDaq: a => daqs.clear(a.id),
  upload: (a, user) => uploads.start(a.name, textIn(a, "dataDirectory", "upload"), taskInfo(a), user),
  listUploads: () => uploads.list(),
  getUploadInfo: a => uploads.get(a.id),
  clearUpload: a => uploads.clear(a.id),
  stopUpload: a => uploads.stop(a.id),
  listUploadRecords: a => uploads.records(a.queryDict),
  listProcessingPlugins: () => [],
})

const catalogCalls = ({ experiments, files, datasets }: Engines): CallTable => {
  /** The experiment's name, when the account may see the experiment. */
  const seen = (args: DmArguments, user: DmUser) => experiments.byName(args.name, undefined, user).name
  return {
    addExperimentDataset: (a, user) => datasets.add(seen(a, user), a.datasetInfo),
    updateExperimentDataset: (a, user) => datasets.update(seen(a, user), a.datasetInfo),
    getExperimentDatasets: (a, user) => datasets.list(seen(a, user)),
    getExperimentDataset: (a, user) => datasets.get(seen(a, user), a.dataset),
    getExperimentFiles: (a, user) => files.list(seen(a, user), a),
    getExperimentFile: (a, user) => files.get(seen(a, user), textIn(a, "path", "getExperimentFile")),
    getExperimentFileById: (a, user) => files.getById(seen(a, user), a.id),
  }
}

const processingCalls = ({ workflows, jobs }: Engines): CallTable => ({
  listWorkflows: a => workflows.list(a.owner, a.queryDict),
  getWorkflowByName: a => workflows.byName(a.owner, a.name),
  getWorkflowById: a => workflows.byId(a.owner, a.id),
  addWorkflow: (a, user) => workflows.add(a.workflow, user.username),
  updateWorkflow: (a, user) => workflows.update(a.workflow, user.username),
  upsertWorkflow: (a, user) => workflows.upsert(a.workflow, user.username),
  deleteWorkflowByName: a => workflows.delete(a.owner, a.name),
  startProcessingJob: (a, user) => jobs.start(a.owner, a.name, a.argsDict ?? {}, user),
  listProcessingJobs: a => jobs.list(a.owner, a),
  getProcessingJobById: a => jobs.get(a.owner, a.jobId),
})

const schedulingCalls = ({ schedule }: Engines): CallTable => ({
  listStationEsafs: a => schedule.stationEsafs(a),
  listStationEsafsByDateRange: a => schedule.stationEsafsByDateRange(a),
  getStationEsafById: a => schedule.esaf(a),
  listStationProposals: a => schedule.stationProposals(a),
  getStationProposalById: a => schedule.proposal(a),
  getCurrentRun: () => schedule.currentRun,
})

/** @throws DmRefusal InvalidArgument */
function taskInfo(args: DmArguments): Doc {
  const info = args.taskInfo ?? {}
  if (!isDoc(info)) throw new DmRefusal("InvalidArgument", "taskInfo must be a JSON object")
  return info
}

/** Without the password. @throws DmRefusal ObjectNotFound */
function publicUser(users: readonly DmUser[], username: unknown): Doc {
  const user = users.find(u => u.username === username)
  if (user === undefined) throw new DmRefusal("ObjectNotFound", `user ${username} does not exist`)
  const { password: _, ...shown } = user
  return shown
}
