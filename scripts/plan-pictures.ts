/**
 * Draws the paths of the examples in docs/plans.md into docs/plans/*.svg, from what a simulation of each example does:
 * `npx tsx --conditions=@ophyd-ts/source scripts/plan-pictures.ts`.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { bp, type Plan, RunEngineSimulator } from "@ophyd-ts/run-engine"
import { simDetector, simMotor } from "@ophyd-ts/run-engine/testing"
import { drawAlong, drawInPlane, drawInTime } from "./plan-drawing.ts"
import { root } from "./workspace.ts"

export const folder = join(root, "docs", "plans")

export interface Entry {
  name: string
  /** Text below the heading. */
  text: string
  example: string
}

/** The plans of the reference, in its order. */
export function reference(): Entry[] {
  const page = readFileSync(join(root, "docs", "plans.md"), "utf8")
  return [...page.matchAll(/^### (\w+)\n([\s\S]*?)(?=^##|(?![\s\S]))/gm)].map(([, name = "", text = ""]) => ({
    name,
    text,
    example: /```ts\n([\s\S]*?)```/.exec(text)?.[1]?.trim() ?? "",
  }))
}

type Point = Readonly<Record<string, number>>

/** What a plan does, as far as a picture shows it. */
export interface Trace {
  /** Motors that are moved, in the order in which they first are. */
  motors: string[]
  /** Positions at each event. */
  points: Point[]
  /** Where the motors were, of plans that ask for it; else null. */
  start: Point | null
  /** Where they are at the end. */
  end: Point
  /** What happens, for plans that move nothing. */
  steps: string[]
}

const shown: Readonly<Record<string, string>> = {
  save: "event",
  sleep: "sleep",
  kickoff: "kickoff",
  complete: "complete",
  collect: "collect",
}

export function trace(plan: Plan<unknown>, start: Point): Trace {
  const sim = new RunEngineSimulator()
  const at: Record<string, number> = { ...start }
  const motors = new Set<string>()
  const points: Point[] = []
  let located = false
  sim.addHandler("set", ({ obj, args }) => {
    motors.add(obj.name)
    at[obj.name] = args[0] as number
  })
  sim.addHandler("locate", ({ obj }) => {
    located = true
    return { setpoint: at[obj.name], readback: at[obj.name] }
  })
  sim.addHandler("save", () => void points.push({ ...at }))
  const steps = sim
    .simulatePlan(plan)
    .map(message => shown[message.command])
    .filter(step => step !== undefined)
  return { motors: [...motors], points, start: located ? start : null, end: at, steps }
}

/** Runs an example of the page in the simulator. */
export function traceOf({ example }: Entry): Trace {
  const start = { x: 5, y: 3 }
  const things = {
    bp,
    x: simMotor("x"),
    y: simMotor("y"),
    detector: simDetector("detector"),
    flyer: { name: "flyer" },
  }
  const make = new Function(...Object.keys(things), `return (${example})`)
  return trace(make(...Object.values(things)) as Plan<unknown>, start)
}

export function picture(entry: Entry): string {
  const { motors, points, start, end, steps } = traceOf(entry)
  const label = `Path of bp.${entry.name}`
  if (motors.length === 0) return drawInTime(label, steps)
  const [first = "", second] = [...motors].sort()
  if (second === undefined) {
    const values = points.map(point => point[first]!)
    return drawAlong(label, first, values, start === null ? null : [start[first]!, end[first]!])
  }
  const place = (point: Point): [number, number] => [point[first]!, point[second]!]
  return drawInPlane(
    label,
    [first, second],
    points.map(place),
    start === null ? null : [place(start), place(end)],
  )
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  for (const entry of reference()) writeFileSync(join(folder, `${entry.name}.svg`), picture(entry))
}
