import { randomInt } from "node:crypto"
import { writeFile } from "node:fs/promises"
import { join, resolve } from "node:path"
import { type DmConfig, DmRoutes, type DmService, type DmSettings, dmConfig } from "@ophyd-ts/aps-dm"
import { systemClock } from "@ophyd-ts/core"
import { makeFolder } from "@ophyd-ts/run-engine/node"
import { callTable, type Engines } from "./calls.ts"
import { Datasets } from "./catalog/datasets.ts"
import { FileCatalog } from "./catalog/files.ts"
import { DmControl } from "./control.ts"
import { DmSimError } from "./errors.ts"
import { Experiments } from "./experiments.ts"
import { Faults } from "./faults.ts"
import { selfSignedCertificate } from "./http/certificate.ts"
import { openControl } from "./http/control-server.ts"
import { Ids } from "./ids.ts"
import { type DmServiceOptions, defaultLimits, defaultTiming, defaultUser } from "./options.ts"
import { openPorts, type Port, urlsOf } from "./ports.ts"
import { Commands } from "./processing/commands.ts"
import { Jobs } from "./processing/jobs.ts"
import { Workflows } from "./processing/workflows.ts"
import { RequestLog } from "./request-log.ts"
import { Schedule } from "./schedule.ts"
import type { DmUser } from "./sessions.ts"
import { ManualClock } from "./time/clock.ts"
import { Tasks } from "./time/tasks.ts"
import { dateText } from "./time/texts.ts"
import { Daqs } from "./transfer/daqs.ts"
import { FileFaults } from "./transfer/file-faults.ts"
import { Uploads } from "./transfer/uploads.ts"

/** A running simulated DM service: five web services of one station, with real files below `dataRoot`. */
export interface DmServiceSim extends AsyncDisposable, Engines {
  readonly station: string
  readonly dataRoot: string
  /** Address of each service, without `/dm`. */
  readonly urls: Readonly<Record<DmService, string>>
  /** PEM file with the certificate that a client has to trust; null without TLS. */
  readonly caFile: string | null
  /** Address of the control for other processes; null without `controlPort`. */
  readonly controlUrl: string | null
  /** Trouble on demand, and a look inside. */
  readonly control: DmControl
  /** What `DmClient` takes; `settings` are put over it. */
  config(settings?: DmSettings): DmConfig
  /** The `DM_…` variables of a beamline's account. They name a login file, which lies in the data root. */
  environment(): Readonly<Record<string, string>>
  /** Ends every connection, timer and job. Files stay. */
  close(): Promise<void>
}

/**
 * Starts the service. It never runs a shell command, and it listens on the loopback interface only, unless told.
 * @throws DmSimError on options that make no sense; an error of `node:net` when a port is taken.
 */
export async function startDmService(options: DmServiceOptions): Promise<DmServiceSim> {
  const station = options.station ?? "255IDZ"
  const users = options.users ?? [defaultUser]
  const [first] = users
  if (first === undefined) throw new DmSimError("DM_SIM_OPTIONS", "the DM service needs at least one user")
  const problems: Error[] = []
  const onProblem = (error: unknown) => {
    problems.push(error instanceof Error ? error : new Error(String(error)))
  }
  const clock = options.clock ?? systemClock
  const tasks = new Tasks(clock, onProblem)
  const dataRoot = resolve(options.dataRoot)
  try {
    makeFolder(dataRoot)
  } catch (cause) {
    const { message } = cause as Error
    throw new DmSimError("DM_SIM_DATA", `data root ${dataRoot} cannot be made: ${message}`, { cause })
  }
  const loginFile = join(dataRoot, "dm.login")
  await writeFile(loginFile, `${first.username}|${first.password}\n`, { mode: 0o600 })
  const host = options.host ?? "127.0.0.1"
  const tls = options.tls === true ? selfSignedCertificate(host) : options.tls || undefined
  const caFile = tls === undefined ? null : join(dataRoot, "dm.cert.pem")
  if (tls !== undefined && caFile !== null) await writeFile(caFile, tls.cert)

  const settings = { ...options, station, users, clock, dataRoot }
  const ids = new Ids(options.seed ?? randomInt(2 ** 32))
  const commands = new Commands(options.commands ?? [], options.timing?.command ?? defaultTiming.command)
  const fileFaults = new FileFaults()
  const engines = makeEngines(settings, { tasks, ids, commands, fileFaults })
  const faults = new Faults()
  const log = new RequestLog()
  for (const experiment of options.experiments ?? []) await engines.experiments.add(experiment)
  for (const workflow of options.workflows ?? []) engines.workflows.add(workflow, first.username)

  const limits = { ...defaultLimits, ...options.limits }
  const ports = await openPorts({
    host,
    port: options.port ?? 0,
    ports: options.ports ?? "five",
    tls,
    routes: options.routes ?? new DmRoutes(),
    calls: callTable(engines),
    faults,
    log,
    clock,
    maxHeaderBytes: limits.headerBytes,
    maxBodyBytes: limits.bodyBytes,
    sessionOptions: {
      users,
      seconds: options.sessionSeconds ?? 3600,
      cookieSkew: options.sessionCookieSkew ?? 0,
      clock,
      ids,
    },
    onProblem,
  })
  const forget = clock instanceof ManualClock ? clock.onSettle(() => tasks.settled()) : () => {}
  const control = new DmControl({
    ports,
    faults,
    fileFaults,
    log,
    jobs: engines.jobs,
    commands,
    tasks,
    problems,
  })
  const controlListener =
    options.controlPort === undefined
      ? undefined
      : await openControl(control, { host, port: options.controlPort }).catch(async (error: unknown) => {
          await closePorts(ports)
          throw error
        })
  const close = once(async () => {
    await Promise.all([tasks.close(), closePorts(ports), controlListener?.close()])
    // A service that was away may just have come back.
    await closePorts(ports)
    forget()
  })
  const urls = urlsOf(ports)
  return {
    ...engines,
    station,
    dataRoot,
    urls,
    caFile,
    controlUrl: controlListener?.url ?? null,
    control,
    config: (more = {}) =>
      dmConfig.from({
        urls,
        station,
        username: first.username,
        password: first.password,
        ...(caFile === null ? {} : { caFile }),
        ...(options.routes === undefined ? {} : { routes: options.routes }),
        ...more,
      }),
    environment: () => environment({ urls, station, loginFile, user: first, types: options.experimentTypes }),
    close,
    [Symbol.asyncDispose]: close,
  }
}

type Settled = DmServiceOptions & Required<Pick<DmServiceOptions, "station" | "users" | "clock">>

function makeEngines(
  options: Settled,
  shared: { tasks: Tasks; ids: Ids; commands: Commands; fileFaults: FileFaults },
): Engines {
  const { station, users, clock, dataRoot } = options
  const { tasks, ids, commands, fileFaults } = shared
  const timing = { ...defaultTiming, ...options.timing }
  const timeZone = options.timeZone ?? "America/Chicago"
  const account = users[0]?.username ?? ""
  const experiments = new Experiments({
    dataRoot,
    station,
    stations: [station, ...(options.otherStations ?? [])],
    types: options.experimentTypes ?? ["TEST", "BLUESKY"],
    timeZone,
    clock,
    accounts: { user: account, admin: users.find(u => u.role === "admin")?.username ?? account },
  })
  const files = new FileCatalog(experiments, ids, clock)
  const workflows = new Workflows(ids)
  const common = { experiments, files, tasks, clock, timeZone, id: () => ids.uuid() }
  const jobs = new Jobs(
    {
      ...common,
      commands,
      pendingSeconds: timing.pending,
      finalizingSeconds: timing.finalizing,
      parallelChildren: options.parallelChildren ?? 4,
      runningChildOutputs: options.runningChildOutputs ?? "absent",
    },
    workflows,
  )
  const transfers = {
    ...common,
    checkWorkflow: ({ owner, name }: { owner: string; name: string }) => void workflows.byName(owner, name),
    startWorkflow: ({ owner, name }: { owner: string; name: string }, args: object, user: DmUser) =>
      void jobs.start(owner, name, args, user),
    pollSeconds: timing.poll,
    fileSeconds: timing.file,
    strikeFile: (path: string) => fileFaults.strike(path),
  }
  const uploads = new Uploads(transfers)
  return {
    users,
    experiments,
    schedule: new Schedule({
      esafs: options.esafs ?? [],
      proposals: options.proposals ?? [],
      currentRun: currentRun(clock.time(), timeZone),
    }),
    files,
    datasets: new Datasets(experiments, ids),
    daqs: new Daqs(transfers, uploads),
    uploads,
    workflows,
    jobs,
  }
}

/** Three run cycles a year, of four months. */
function currentRun(now: number, timeZone: string): Record<string, string> {
  const [year = "", month = ""] = dateText(now, timeZone).split("-")
  const cycle = Math.floor((Number(month) - 1) / 4)
  const start = ["01-01", "05-01", "09-01"][cycle]
  const end = ["05-01", "09-01", "12-31"][cycle]
  return { name: `${year}-${cycle + 1}`, startTime: `${year}-${start}`, endTime: `${year}-${end}` }
}

function environment(from: {
  urls: Readonly<Record<DmService, string>>
  station: string
  loginFile: string
  user: DmUser
  types: readonly string[] | undefined
}): Record<string, string> {
  const { urls, station, loginFile, user } = from
  return {
    DM_DS_WEB_SERVICE_URL: urls.ds,
    DM_DAQ_WEB_SERVICE_URL: urls.daq,
    DM_CAT_WEB_SERVICE_URL: urls.cat,
    DM_PROC_WEB_SERVICE_URL: urls.proc,
    DM_APS_DB_WEB_SERVICE_URL: urls.aps,
    DM_STATION_NAME: station,
    DM_LOGIN_FILE: loginFile,
    DM_ALLOWED_EXPERIMENT_TYPES: (from.types ?? ["TEST", "BLUESKY"]).join(","),
    DM_BEAMLINE_USER_ACCOUNT: user.username,
    DM_MANAGED_DIRECTORY_STRUCTURE: "1",
  }
}

const closePorts = async (ports: readonly Port[]): Promise<void> => {
  await Promise.all(ports.map(port => port.listener.close()))
}

function once(act: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => {
    running ??= act()
    return running
  }
}
