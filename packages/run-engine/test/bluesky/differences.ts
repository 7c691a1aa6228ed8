/**
 * The known differences between bluesky's recordings and this engine, each explained in
 * docs/differences-from-bluesky.md. Everything that is not named here has to be equal.
 */
import type { Recording } from "./record.ts"

type Doc = Record<string, unknown>

/** Classes of errors; where bluesky raises a general one, ours is more exact. */
const errorNames: Record<string, string[]> = {
  ValueError: ["BundleError"],
  RuntimeError: ["BundleError", "Error"],
}

function metadata(theirs: Doc, ours: Doc): Doc {
  const md: Doc = { ...theirs }
  const args = { ...(md["plan_args"] as Doc | undefined) }
  // Python prints hooks and flags: "None", "True".
  if (args["per_step"] === "None") args["per_step"] = null
  if (md["plan_args"] !== undefined) md["plan_args"] = args
  if ("snake_axes" in md) {
    md["snake_axes"] = md["snake_axes"] === "True"
    md["plan_pattern_args"] = { ...(md["plan_pattern_args"] as Doc), snake_axes: md["snake_axes"] }
  }
  // bluesky leaves these out in one plan.
  if (md["plan_pattern"] === "spiral_square") {
    md["plan_pattern_args"] = ours["plan_pattern_args"]
    md["plan_pattern_module"] = ours["plan_pattern_module"]
  }
  // A generator of JavaScript does not know the name of its function.
  if (ours["plan_name"] === undefined) delete md["plan_name"]
  return md
}

/** Texts of errors are our own; there must be one where bluesky has one. */
const reason = (theirs: unknown, ours: unknown): unknown =>
  typeof theirs === "string" && theirs !== "" && typeof ours === "string" && ours !== "" ? ours : theirs

/** bluesky's recording as this engine words it. */
export function inOurWords(theirs: Recording, ours: Recording): Recording {
  return {
    messages: theirs.messages.map(([command, obj, args, kwargs, run], i) => {
      const own = ours.messages[i]?.[3] ?? {}
      if (command === "open_run") return [command, obj, args, metadata(kwargs, own), run]
      // The engine knows how a plan that is ended from outside closes its run; it may change its mind until then.
      if (command === "close_run" && "exit_status" in kwargs && theirs.states.includes("paused")) {
        return [command, obj, args, {}, run]
      }
      if (command === "close_run" && "reason" in kwargs) {
        return [command, obj, args, { ...kwargs, reason: reason(kwargs["reason"], own["reason"]) }, run]
      }
      return [command, obj, args, kwargs, run]
    }),
    documents: theirs.documents.map(([name, doc], i) => {
      const own = ours.documents[i]?.[1] ?? {}
      if (name === "start") return [name, metadata(doc, own)]
      if (name === "stop") return [name, { ...doc, reason: reason(doc["reason"], own["reason"]) }]
      return [name, doc]
    }),
    states: theirs.states,
    error: errorNames[theirs.error ?? ""]?.find(name => name === ours.error) ?? theirs.error,
  }
}

/** The first position of the paused scan at which it is in its clean-up. */
const cleanUpBegins = 24

/**
 * What is expected of the scan that is paused before the message at `position` and then goes on or ends. Two things
 * differ from bluesky: a run that was closed is not measured again, and clean-up that is under way comes to its end.
 */
export function pausedScan(
  theirs: Readonly<Record<string, Recording>>,
  verb: "resume" | "stop" | "abort" | "halt",
  position: number,
): Recording {
  const recorded = theirs[`${verb} at ${position}`]!
  const closed = position > cleanUpBegins
  const differs = verb === "resume" ? closed : verb !== "halt" && position >= cleanUpBegins
  if (!differs) return recorded
  // The scan as it is without the pause, which this one came before of.
  const whole = theirs["resume at 1"]!
  const messages = whole.messages.slice(1)
  const [before, after] = [messages[position - 2]!, messages[position - 1]!]
  // Staging is sorted in the recordings; here the pause parts it, and devices are unstaged in the opposite order.
  if (before[0] === "unstage" && after[0] === "unstage") messages.splice(position - 2, 2, after, before)
  messages.splice(position - 1, 0, ["pause", null, [], { defer: false }, null])
  // Of the clean-up, the motors' way back is rewound.
  if (before[0] === "set") messages.splice(position, 0, before)
  const documents = whole.documents.map(([name, doc]): [string, Doc] =>
    name === "stop" && !closed && verb === "abort" ? [name, { ...doc, exit_status: "abort" }] : [name, doc],
  )
  return { messages, documents, states: recorded.states, error: null }
}
