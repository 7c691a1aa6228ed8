import { InvalidArgument } from "../errors.ts"
import { jobKeys } from "../wire/job-keys.ts"

/** A value of a workflow argument. Commands are text: booleans become `True` and `False`, as beamlines expect. */
export type WorkflowArgument = string | number | boolean

export type WorkflowArguments = Readonly<Record<string, WorkflowArgument | undefined>>

export interface ArgumentRules {
  /** Names whose values may hold blanks and characters that a shell acts upon: the workflow quotes them itself. */
  readonly trusted?: readonly string[]
}

// DM puts values into shell text without quotes.
const shell = /[\s;&|<>`$(){}"'\\!]/

/**
 * The arguments as DM gets them.
 * @throws InvalidArgument before anything is sent, with every reason: a name that is no variable or that a job needs
 * itself, a value that is no text, number or boolean, or one that would change the stage's command.
 */
export function checkArguments(
  args: WorkflowArguments,
  rules: ArgumentRules = {},
): Record<string, string | number> {
  const problems: string[] = []
  const checked: Record<string, string | number> = {}
  for (const [name, value] of Object.entries(args)) {
    if (value === undefined) continue
    if (!/^[A-Za-z_]\w*$/.test(name)) problems.push(`"${name}" is no variable name`)
    else if (jobKeys.has(name)) problems.push(`"${name}" is a key of every job`)
    else if (typeof value === "boolean") checked[name] = value ? "True" : "False"
    else if (typeof value === "number" && Number.isFinite(value)) checked[name] = value
    else if (typeof value !== "string")
      problems.push(`"${name}" is ${String(value)}, not a text, number or boolean`)
    else {
      const found = rules.trusted?.includes(name) ? null : shell.exec(value)
      if (found !== null)
        problems.push(`"${name}" holds ${JSON.stringify(found[0])}, which a shell acts upon`)
      checked[name] = value
    }
  }
  if (problems.length > 0) throw new InvalidArgument(`workflow arguments: ${problems.join("; ")}`)
  return checked
}
