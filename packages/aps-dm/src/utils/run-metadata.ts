import type { DmClient } from "../client/index.ts"
import { DmError, InvalidArgument, ObjectAlreadyExists } from "../errors.ts"
import { type DmDataset, dmEncodeJson } from "../wire/index.ts"
import type { RunMetadata } from "./run-documents.ts"

/**
 * Metadata for a run's start document: title, description, time and a block `data_management`, under what the user
 * says.
 */
export function buildRunMetadataDict(
  userMd: Readonly<Record<string, unknown>>,
  dm: Readonly<Record<string, unknown>>,
  now: Date = new Date(),
): Record<string, unknown> {
  return {
    title: "not given",
    description: "not given",
    datetime: now.toISOString(),
    data_management: { ...dm },
    ...userMd,
  }
}

export interface ShareMetadataOptions {
  experiment: string
  /** Name of the workflow that processed the run. */
  workflow: string
  run: RunMetadata
  /** Name of the catalogue in which the run's documents are found. */
  catalog?: string | undefined
  /** More members of the document, for example what `lookUpExperiment` gave. Ours win. */
  extra?: Readonly<Record<string, unknown>> | undefined
  /**
   * False: an error of DM gives null and goes to `onProblem`. Default true.
   */
  shouldRaise?: boolean
  onProblem?: ((error: DmError) => void) | undefined
  /** Bytes of the request that DM gets at most; the document travels in its address. Default 60,000. */
  maxBytes?: number
}

/**
 * Stores a run's metadata as a dataset of the experiment, named after the run. A dataset that is there already is no
 * error: it gives null. Where it would be too long for a request, the descriptors' configuration is left out,
 * then their data keys; the member `left_out` says so.
 * @throws InvalidArgument when even that is too long, DmError unless `shouldRaise` is false.
 */
export async function shareBlueskyMetadataWithDm(
  dm: Pick<DmClient, "cat">,
  options: ShareMetadataOptions,
): Promise<DmDataset | null> {
  const { shouldRaise = true, onProblem } = options
  try {
    return await dm.cat.addExperimentDataset(runDatasetThatFits(options))
  } catch (error) {
    if (error instanceof ObjectAlreadyExists) return null
    if (shouldRaise || !(error instanceof DmError)) throw error
    onProblem?.(error)
    return null
  }
}

/** The document as apstools writes it, with the run's start and stop once instead of in every stream. */
export function runDataset(
  options: Pick<ShareMetadataOptions, "experiment" | "workflow" | "run" | "catalog" | "extra">,
  leaveOut: readonly string[] = [],
): Record<string, unknown> {
  const { experiment, workflow, run, catalog, extra } = options
  const { start, stop, descriptors } = run
  const streams = [...descriptors].map(([stream, documents]) => {
    const kept = documents.map(doc =>
      Object.fromEntries(Object.entries(doc).filter(([key]) => !leaveOut.includes(key))),
    )
    return [stream, { descriptors: kept }]
  })
  return plain({
    ...extra,
    _id: crypto.randomUUID(),
    experimentName: experiment,
    datasetName: `run_uid8_${start.uid.slice(0, 8)}`,
    bluesky_run_uid: start.uid,
    workflow_name: workflow,
    ...(catalog === undefined ? {} : { bluesky_catalog: catalog }),
    bluesky_streams: [...descriptors.keys()],
    time_iso8601: new Date(start.time * 1000).toISOString(),
    ...(leaveOut.length > 0 ? { left_out: leaveOut } : {}),
    bluesky_start: start,
    bluesky_stop: stop,
    bluesky_metadata: Object.fromEntries(streams),
  }) as Record<string, unknown>
}

/** The document, made short enough for a request. @throws InvalidArgument when that cannot be done. */
export function runDatasetThatFits(options: ShareMetadataOptions): Record<string, unknown> {
  const { maxBytes = 60_000 } = options
  let size = 0
  for (const leaveOut of [[], ["configuration"], ["configuration", "data_keys", "object_keys", "hints"]]) {
    const dataset = runDataset(options, leaveOut)
    size = dmEncodeJson(dataset).length
    if (size <= maxBytes) return dataset
  }
  throw new InvalidArgument(
    `metadata of run ${options.run.start.uid.slice(0, 8)}: ${size} bytes are too long for a request of DM (limit ${maxBytes})`,
  )
}

/** As JSON can hold it: typed arrays as arrays, big integers as numbers or texts, non-finite numbers as null. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (ArrayBuffer.isView(value) && Symbol.iterator in value)
    return Array.from(value as Iterable<unknown>, plain)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]))
}
