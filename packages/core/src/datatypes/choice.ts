import { ValueError } from "../errors.ts"
import { formatValue } from "../format.ts"
import type { Datatype } from "./datatype.ts"

/**
 * How the declared labels must compare with the server's at connect: `strict` the same in the same order, `subset` the
 * server may have more, `superset` the server may have fewer.
 */
export type LabelMatch = "strict" | "subset" | "superset"

/** One of several labels. */
export interface ChoiceType<L extends string> extends Datatype<L> {
  readonly family: "choice"
  readonly labels: readonly string[]
  readonly match: LabelMatch
}

type Labels = readonly [string, ...string[]]

function make<L extends string>(match: LabelMatch, labels: readonly string[]): ChoiceType<L> {
  const how = match === "strict" ? "choice" : `choice.${match}`
  return {
    family: "choice",
    label: `${how}(${labels.map(formatValue).join(", ")})`,
    dtype: "string",
    dtypeNumpy: null,
    initial: labels[0] as L,
    labels,
    match,
    check: (value, who, metadata) => {
      const allowed = (match === "strict" ? labels : metadata.choices) ?? labels
      if (typeof value === "string" && allowed.includes(value)) return value as L
      throw new ValueError(`${who}: ${formatValue(value)} is none of ${allowed.map(formatValue).join(", ")}`)
    },
    equal: (a, b) => a === b,
  }
}

interface Choice {
  /** Exactly these labels in this order. The value type is the union of them. */
  <const L extends Labels>(...labels: L): ChoiceType<L[number]>
  /** The server has these labels and perhaps more, so a value may be another string. */
  subset<const L extends Labels>(...labels: L): ChoiceType<L[number] | (string & {})>
  /** The server has some of these labels and no other. */
  superset<const L extends Labels>(...labels: L): ChoiceType<L[number]>
}

/** One of several labels: `choice("Close", "Open")` has the type `"Close" | "Open"` and is checked at connect. */
export const choice: Choice = Object.assign(
  <const L extends Labels>(...labels: L) => make<L[number]>("strict", labels),
  {
    subset: <const L extends Labels>(...labels: L) => make<L[number] | (string & {})>("subset", labels),
    superset: <const L extends Labels>(...labels: L) => make<L[number]>("superset", labels),
  },
)

/** Why the server's labels do not fit the declared ones, naming both lists; null when they do. */
export function labelMismatch(type: ChoiceType<string>, server: readonly string[]): string | null {
  const { labels, match } = type
  const fits = {
    strict: () => labels.length === server.length && labels.every((label, i) => label === server[i]),
    subset: () => labels.every(label => server.includes(label)),
    superset: () => server.every(label => labels.includes(label)),
  }[match]()
  if (fits) return null
  const list = (texts: readonly string[]) => (texts.length === 0 ? "none" : texts.map(formatValue).join(", "))
  return `declared labels ${list(labels)} (${match}) differ from the server's ${list(server)}`
}
