import type { DocumentArgs } from "@ophyd-ts/run-engine"

/** What is small in every document: ids, times, keys. */
const usual = 1000

/** About how many bytes of memory a document keeps; its arrays and texts are what counts. */
export function documentSize(...[name, doc]: DocumentArgs): number {
  if (name !== "event" && name !== "event_page") return usual
  return Object.values(doc.data).reduce<number>((sum, value) => sum + valueSize(value), usual)
}

function valueSize(value: unknown): number {
  if (typeof value === "string") return 2 * value.length
  if (ArrayBuffer.isView(value)) return value.byteLength
  if (!Array.isArray(value)) return 8
  // Of a list the first item stands for all: looking at each would cost the plan time.
  return value.length * valueSize(value[0])
}
