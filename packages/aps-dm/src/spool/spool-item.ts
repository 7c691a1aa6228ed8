import { z } from "zod"
import type { DmTaskInfo } from "../wire/index.ts"

const document = z.record(z.string(), z.unknown())

/** Work for DM that can be done later. */
export const spoolItem = z.discriminatedUnion("kind", [
  /** A document about a run. */
  z.object({ kind: z.literal("dataset"), dataset: document }),
  /** A workflow to be started, once: `args[tag]` is unique. */
  z.object({
    kind: z.literal("job"),
    workflowOwner: z.string(),
    workflow: z.string(),
    jobOwner: z.string(),
    args: document,
    tag: z.string(),
  }),
  z.object({
    kind: z.literal("upload"),
    experiment: z.string(),
    dataDirectory: z.string(),
    taskInfo: document,
  }),
])
export type SpoolItem = z.infer<typeof spoolItem>

/** The content of a spool's file. */
export const spoolRecord = z.object({
  version: z.literal(1),
  /** s since 1970. */
  time: z.number(),
  item: spoolItem,
  /** How often DM refused it. */
  refused: z.number(),
  lastError: z.string().nullable(),
})
export type SpoolRecord = z.infer<typeof spoolRecord>

/** One line for people. */
export function describeItem(item: SpoolItem): string {
  switch (item.kind) {
    case "dataset":
      return `dataset ${item.dataset["datasetName"]} of experiment ${item.dataset["experimentName"]}`
    case "job":
      return `job of workflow ${item.workflow}`
    case "upload": {
      const { experimentFilePath } = item.taskInfo as DmTaskInfo
      const file = experimentFilePath === undefined ? "" : `${experimentFilePath} of `
      return `upload of ${file}${item.dataDirectory} to experiment ${item.experiment}`
    }
  }
}
