import { statSync } from "node:fs"
import { resolve } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import type { RunEngine } from "../engine/run-engine.ts"
import type { Plan } from "../messages.ts"
import { type CommandLine, UsageError } from "./command-line.ts"

export type PlanFunction = (...args: never[]) => Plan<unknown>

/**
 * What `setup` of a plans file may return; all of it is optional. It adds to what the file exports.
 *
 * ```ts
 * export async function setup({ command }: SetupRequest): Promise<Setup> {
 *   const motor = new EpicsMotor("S1:m1", { name: "motor" })
 *   if (command === "run") await connect(motor)
 *   return { devices: { motor }, plans: { count: bp.count } }
 * }
 * ```
 */
export interface Setup {
  /** Runs the plans; default a new one. */
  RE?: RunEngine
  devices?: Record<string, object>
  plans?: Record<string, PlanFunction>
  /** Called at the end, also after a failure. */
  close?: () => unknown
}

export interface SetupRequest {
  /** Devices need to be connected for `run` only. */
  command: CommandLine["command"]
}

export interface PlansFile {
  RE: RunEngine | undefined
  devices: Map<string, object>
  plans: Map<string, PlanFunction>
  close: () => Promise<void>
}

const generator = Object.getPrototypeOf(function* () {}) as object

const isPlanFunction = (value: unknown): value is PlanFunction =>
  typeof value === "function" && Object.getPrototypeOf(value) === generator

const isDevice = (value: unknown): value is object =>
  typeof value === "object" &&
  value !== null &&
  typeof (value as { name?: unknown }).name === "string" &&
  ["read", "set", "stage", "kickoff"].some(
    verb => typeof (value as Record<string, unknown>)[verb] === "function",
  )

/**
 * Imports the file and runs its `setup`. Exported generator functions are plans, exported devices are devices, each under
 * the name of its export.
 *
 * @throws UsageError when this Node cannot load it or it exports nothing of use
 */
export async function loadPlansFile(
  file: string,
  request: SetupRequest,
  load: (url: string) => Promise<unknown> = url => import(url),
): Promise<PlansFile> {
  const path = resolve(file)
  if (!statSync(path, { throwIfNoEntry: false })?.isFile())
    throw new UsageError(`${file}: there is no such file`)
  const exported = (await load(pathToFileURL(path).href).catch(error => {
    throw explain(file, error)
  })) as Record<string, unknown>
  const found: PlansFile = { RE: undefined, devices: new Map(), plans: new Map(), close: async () => {} }
  for (const [name, value] of Object.entries(exported)) {
    if (isPlanFunction(value)) found.plans.set(name, value)
    else if (isDevice(value)) found.devices.set(name, value)
  }
  const { setup } = exported
  if (setup !== undefined && typeof setup !== "function")
    throw new UsageError(`${file}: setup is no function`)
  if (typeof setup === "function") {
    const { RE, devices = {}, plans = {}, close } = ((await setup(request)) ?? {}) as Setup
    found.RE = RE
    for (const [name, device] of Object.entries(devices)) found.devices.set(name, device)
    for (const [name, plan] of Object.entries(plans)) found.plans.set(name, plan)
    found.close = async () => void (await close?.())
  }
  if (found.plans.size === 0)
    throw new UsageError(
      `${file}: no plan: export a generator function, or give plans from an exported setup()`,
    )
  return found
}

function explain(file: string, thrown: unknown): UsageError {
  const { code, message } = thrown as { code?: string; message?: string }
  if (code === "ERR_UNKNOWN_FILE_EXTENSION" && /\.[mc]?tsx?\b/.test(message ?? ""))
    return new UsageError(
      `${file}: Node ${process.versions.node} does not load TypeScript. Use Node 22.18 or later, compile the file to ` +
        'JavaScript first, or let tsx load it: NODE_OPTIONS="--import tsx" ophyd-ts …',
    )
  const what = `${file} cannot be loaded: ${message ?? String(thrown)}`
  return new UsageError(`${what}${code === undefined ? placeOf(file, thrown) : ""}`, { cause: thrown })
}

/** Where the mistake is, as far as Node tells. */
function placeOf(file: string, thrown: unknown): string {
  const { stack = "" } = thrown as { stack?: string }
  const [, url, line] = /(file:\/\/\S+?):(\d+)(?::\d+)?\)?$/m.exec(stack) ?? []
  if (url !== undefined && url !== import.meta.url) return ` (${fileURLToPath(url)}, line ${line})`
  return thrown instanceof SyntaxError ? `; node --check ${file} shows where` : ""
}
