import { InvalidArgument } from "../errors.ts"
import { type DmWorkflow, stageOrder } from "../wire/index.ts"
import { jobKeys } from "../wire/job-keys.ts"

/** Texts of a stage in which DM puts variables. */
const texts = ["command", "workingDir", "runIf", "repeatUntil"] as const

/**
 * Names that the workflow's stages use and that nothing but an argument can give: no job key, no output of a stage
 * before, no variable that the command itself sets, and no name in capitals, which is taken for one of the shell.
 */
export function requiredArguments(workflow: DmWorkflow): string[] {
  const given = new Set<string>(jobKeys)
  const required = new Set<string>()
  for (const id of stageOrder(workflow)) {
    const stage = workflow.stages?.[id] ?? {}
    for (const text of texts.map(key => stage[key] ?? "")) {
      const own = new Set(
        [...text.matchAll(/(?:^|[\s;&|(])(?:for\s+|read\s+)?(\w+)(?==|\s+in\s)/g)].map(([, name]) => name),
      )
      for (const [, plain, braced] of text.matchAll(/(?<![\\$])\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})/g)) {
        const name = plain ?? braced ?? ""
        if (!given.has(name) && !own.has(name) && !/^[A-Z_][A-Z0-9_]*$/.test(name)) required.add(name)
      }
    }
    for (const pattern of stage.outputVariableRegexList ?? []) {
      for (const [, name = ""] of pattern.matchAll(/\(\?P?<(\w+)>/g)) given.add(name)
    }
  }
  return [...required]
}

/**
 * Holds arguments to the workflow that is to get them.
 * @throws InvalidArgument that names every argument which is missing or is none of the choices that the workflow has.
 */
export function checkAgainstWorkflow(workflow: DmWorkflow, args: Readonly<Record<string, unknown>>): void {
  const problems: string[] = []
  const isMissing = (name: string) => args[name] === undefined || args[name] === ""
  const missing = new Set(requiredArguments(workflow).filter(isMissing))
  for (const [name, rule] of declared(workflow)) {
    if (rule.required === true && isMissing(name)) missing.add(name)
    const { choices } = rule
    if (
      !isMissing(name) &&
      Array.isArray(choices) &&
      choices.length > 0 &&
      !choices.map(String).includes(String(args[name]))
    ) {
      problems.push(`"${name}" is ${String(args[name])}, which is none of ${choices.join(", ")}`)
    }
  }
  if (missing.size > 0) problems.unshift(`missing: ${[...missing].join(", ")}`)
  if (problems.length > 0) {
    throw new InvalidArgument(`arguments of workflow ${workflow.name ?? ""}: ${problems.join("; ")}`)
  }
}

/** Newer workflows say what they take; the form of that is unsure, so anything unexpected counts as nothing. */
function declared(workflow: DmWorkflow): [string, { required?: unknown; choices?: unknown }][] {
  const { arguments: rules } = workflow as { arguments?: unknown }
  if (typeof rules !== "object" || rules === null || Array.isArray(rules)) return []
  return Object.entries(rules).filter(([, rule]) => typeof rule === "object" && rule !== null)
}
