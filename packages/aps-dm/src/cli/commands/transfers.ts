import {
  probeSource,
  startUpload,
  transferProgress,
  type UploadRun,
  watchUpload,
} from "../../transfers/index.ts"
import { dmEnsureDaq, dmGetExperimentDatadirActiveDaq } from "../../utils/index.ts"
import { type DmTaskInfo, type DmTransfer, isActive } from "../../wire/index.ts"
import type { Command, Invocation } from "../command.ts"
import { type Columns, showJson, showRows, when } from "../output.ts"
import { ProgressBar } from "../progress-bar.ts"
import { UsageError } from "../terminal.ts"

const columns: Columns<DmTransfer> = [
  ["id", row => row.id],
  ["experiment", row => row.experimentName],
  ["status", row => row.status],
  ["files", row => `${transferProgress(row).files.done}/${transferProgress(row).files.total}`],
  ["errors", row => transferProgress(row).files.failed],
  ["started", row => when(row.startTime)],
  ["directory", row => row.dataDirectory],
]

const listOptions = { experiment: { type: "string" }, active: { type: "boolean" } } as const

function list(invocation: Invocation, transfers: readonly DmTransfer[], what: string): number {
  invocation.expectWords(0, 0, "")
  const experiment = invocation.text("experiment")
  const rows = transfers
    .filter(transfer => experiment === undefined || transfer.experimentName === experiment)
    .filter(transfer => !invocation.flag("active") || isActive(transfer.status ?? ""))
  showRows(invocation, rows, columns, `there are no ${what}`)
  return 0
}

export const daqs: Command = {
  usage: "daqs [--experiment NAME] [--active] | start EXPERIMENT DIRECTORY | stop EXPERIMENT DIRECTORY",
  what: "watched directories; watch one (--dest D, --skip PATTERNS, --existing) that is not yet; end that",
  options: {
    ...listOptions,
    dest: { type: "string" },
    skip: { type: "string" },
    existing: { type: "boolean" },
  },
  async run(invocation) {
    const signal = invocation.terminal.interrupt
    const [verb, ...rest] = invocation.words
    if (verb === undefined) return list(invocation, await invocation.client.daq.listDaqs({ signal }), "DAQs")
    if (verb !== "start" && verb !== "stop") throw new UsageError(`"${verb}" is none of start, stop`)
    const [experiment, directory, ...more] = rest
    if (experiment === undefined || directory === undefined)
      throw new UsageError(`${verb} which experiment and directory?`)
    if (more.length > 0) throw new UsageError(`what is "${more[0]}"?`)
    return await (verb === "start" ? startDaq : stopDaq)(invocation, experiment, directory)
  },
}

async function startDaq(invocation: Invocation, experiment: string, directory: string): Promise<number> {
  const { client, terminal, json } = invocation
  const [destDirectory, skipFilePathPattern] = [invocation.text("dest"), invocation.text("skip")]
  const daqInfo: DmTaskInfo = {
    ...(destDirectory === undefined ? {} : { destDirectory }),
    ...(skipFilePathPattern === undefined ? {} : { skipFilePathPattern }),
    ...(invocation.flag("existing") ? { processExistingFiles: true } : {}),
  }
  const options = { signal: terminal.interrupt }
  const active = await dmGetExperimentDatadirActiveDaq(client, experiment, directory, options)
  if (active !== null) terminal.err("it is active already, and its options stay as they are\n")
  const daq = active ?? (await dmEnsureDaq(client, experiment, directory, daqInfo, options))
  // DM starts one for a directory that nobody has, too.
  const { exists } = await probeSource(directory)
  if (exists === "no") terminal.err(`this machine has no ${directory}: does DM's machine have it?\n`)
  if (json) showJson(invocation, daq)
  else terminal.out(`${daq.id}\n`)
  return 0
}

async function stopDaq(invocation: Invocation, experiment: string, directory: string): Promise<number> {
  const { client, terminal, json } = invocation
  await client.daq.stopDaq(experiment, directory, { signal: terminal.interrupt })
  if (json) showJson(invocation, { experimentName: experiment, dataDirectory: directory })
  else terminal.out(`the DAQ of ${directory} ends when DM has stored what waits\n`)
  return 0
}

export const uploads: Command = {
  usage: "uploads [--experiment NAME] [--active]",
  what: "one-off copies",
  options: listOptions,
  run: async invocation =>
    list(
      invocation,
      await invocation.client.daq.listUploads({ signal: invocation.terminal.interrupt }),
      "uploads",
    ),
}

export const upload: Command = {
  usage: "upload EXPERIMENT DIRECTORY [--file F] [--dest D] [--mode files|directory] [--no-wait]",
  what: "copy a directory, or one file of it, and wait; upload --id ID waits for one that runs",
  options: {
    file: { type: "string" },
    dest: { type: "string" },
    mode: { type: "string" },
    id: { type: "string" },
    retries: { type: "string" },
    timeout: { type: "string" },
    period: { type: "string" },
    "no-wait": { type: "boolean" },
  },
  async run(invocation) {
    const run = await begin(invocation)
    if (invocation.flag("no-wait")) {
      if (invocation.json) showJson(invocation, { id: run.id })
      else invocation.terminal.out(`${run.id}\n`)
      run.status.cancel()
      return 0
    }
    {
      using bar = new ProgressBar(invocation.terminal)
      run.status.watch(() => {
        const { fraction, files, status } = run.progress
        const failed = files.failed === 0 ? "" : `, ${files.failed} failed`
        bar.show(fraction, `${files.done} of ${files.total} files${failed}, ${status}`)
      })
      await run.status.wait({ signal: invocation.terminal.interrupt }).catch((error: unknown) => {
        run.status.cancel()
        throw error
      })
    }
    if (run.warning !== "") invocation.terminal.err(`${run.warning}\n`)
    if (invocation.json) showJson(invocation, { id: run.id, ids: run.ids, ...run.progress })
    else invocation.terminal.out(`upload ${run.id} is done: ${run.progress.files.done} files\n`)
    return 0
  },
}

async function begin(invocation: Invocation): Promise<UploadRun> {
  const id = invocation.text("id")
  const options = {
    signal: invocation.terminal.interrupt,
    period: invocation.number("period") ?? 2,
    retries: invocation.number("retries"),
    timeout: invocation.number("timeout"),
  }
  if (id !== undefined) {
    if (invocation.words.length > 0)
      throw new UsageError("--id names an upload that runs; nothing else is needed")
    return await watchUpload(invocation.client, id, options)
  }
  invocation.expectWords(2, 2, "experiment and directory")
  const [experiment = "", dataDirectory = ""] = invocation.words
  return await startUpload(invocation.client, {
    ...options,
    experiment,
    dataDirectory,
    file: invocation.text("file"),
    destDirectory: invocation.text("dest"),
    mode: invocation.choice("mode", ["files", "directory"]),
  })
}
