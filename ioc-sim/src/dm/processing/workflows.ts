import { jobKeys } from "@ophyd-ts/aps-dm"
import { checkRoom, countIn, type Doc, fitsQuery, isDoc, optionalTextIn, textIn } from "../documents.ts"
import { DmRefusal, messageOf } from "../errors.ts"
import type { Ids } from "../ids.ts"

import { patternNames } from "./variables.ts"

const limits = { workflows: 10_000, stages: 200 }

/** Named, owned lists of stages. Owner and name together are unique; an update counts the version up. */
export class Workflows {
  readonly #ids: Ids
  readonly #workflows = new Map<string, Doc>()

  constructor(ids: Ids) {
    this.#ids = ids
  }

  /** @throws DmRefusal InvalidArgument, ObjectAlreadyExists */
  add(document: unknown, currentUser?: string): Doc {
    const workflow = checkedWorkflow(document, currentUser)
    if (this.#workflows.has(keyOf(workflow.owner, workflow.name))) {
      throw new DmRefusal(
        "ObjectAlreadyExists",
        `workflow ${workflow.name} of ${workflow.owner} already exists`,
      )
    }
    checkRoom(this.#workflows.size, limits.workflows, "workflows")
    return this.#store({ ...workflow, version: 1, id: this.#ids.objectId() })
  }

  /** Replaces the whole document. @throws DmRefusal InvalidArgument, ObjectNotFound */
  update(document: unknown, currentUser?: string): Doc {
    const workflow = checkedWorkflow(document, currentUser)
    const old = this.byName(workflow.owner, workflow.name)
    return this.#store({ ...workflow, version: Number(old.version) + 1, id: old.id })
  }

  upsert(document: unknown, currentUser?: string): Doc {
    const { owner, name } = checkedWorkflow(document, currentUser)
    return this.#workflows.has(keyOf(owner, name))
      ? this.update(document, currentUser)
      : this.add(document, currentUser)
  }

  list(owner: unknown, query?: unknown): Doc[] {
    return [...this.#workflows.values()].filter(w => w.owner === owner && fitsQuery(w, query))
  }

  /** @throws DmRefusal ObjectNotFound */
  byName(owner: unknown, name: unknown): Doc {
    const found = this.#workflows.get(keyOf(owner, name))
    if (found === undefined)
      throw new DmRefusal("ObjectNotFound", `workflow ${name} of ${owner} does not exist`)
    return found
  }

  /** @throws DmRefusal ObjectNotFound */
  byId(owner: unknown, id: unknown): Doc {
    const found = this.list(owner).find(w => w.id === id)
    if (found === undefined)
      throw new DmRefusal("ObjectNotFound", `workflow with id ${id} of ${owner} does not exist`)
    return found
  }

  /** @throws DmRefusal ObjectNotFound */
  delete(owner: unknown, name: unknown): Doc {
    const found = this.byName(owner, name)
    this.#workflows.delete(keyOf(owner, name))
    return found
  }

  #store(workflow: Doc): Doc {
    this.#workflows.set(keyOf(workflow.owner, workflow.name), workflow)
    return workflow
  }
}

const keyOf = (owner: unknown, name: unknown): string => JSON.stringify([owner, name])

/** The stages of a checked workflow, in the order in which they run. */
export const sortedStages = (workflow: Readonly<Doc>): [string, Doc][] =>
  Object.entries(workflow.stages as Record<string, Doc>).sort(([a], [b]) => (a < b ? -1 : 1))

/** @throws DmRefusal InvalidArgument, with the stage and the key that is wrong */
function checkedWorkflow(document: unknown, currentUser: string | undefined): Doc {
  if (!isDoc(document)) throw new DmRefusal("InvalidArgument", "workflow: the document must be a JSON object")
  const name = textIn(document, "name", "workflow")
  const where = `workflow ${name}`
  const owner = optionalTextIn(document, "owner", where) ?? currentUser
  if (owner === undefined) throw new DmRefusal("InvalidArgument", `${where}: "owner" is missing`)
  const { stages } = document
  if (!isDoc(stages) || Object.keys(stages).length === 0) {
    throw new DmRefusal("InvalidArgument", `${where}: "stages" must be an object with at least one stage`)
  }
  if (Object.keys(stages).length > limits.stages) {
    throw new DmRefusal("InvalidArgument", `${where} has more than ${limits.stages} stages`)
  }
  for (const [id, stage] of Object.entries(stages)) checkStage(`${where}, stage ${id}`, stage)
  const description = optionalTextIn(document, "description", where) ?? ""
  const userAccount = optionalTextIn(document, "userAccount", where) ?? owner
  return structuredClone({ ...document, name, owner, userAccount, description })
}

function checkStage(where: string, stage: unknown): void {
  if (!isDoc(stage)) throw new DmRefusal("InvalidArgument", `${where}: a stage must be an object`)
  textIn(stage, "command", where)
  for (const key of ["workingDir", "runIf", "repeatUntil"]) optionalTextIn(stage, key, where)
  for (const key of ["repeatPeriod", "maxRepeats"]) countIn(stage, key, 0, where)
  if (stage.repeatUntil !== undefined && !(countIn(stage, "maxRepeats", 0, where) > 0)) {
    throw new DmRefusal("InvalidArgument", `${where}: repeatUntil needs maxRepeats`)
  }
  const patterns = stage.outputVariableRegexList ?? []
  if (!Array.isArray(patterns))
    throw new DmRefusal("InvalidArgument", `${where}: outputVariableRegexList is no list`)
  for (const pattern of patterns) {
    for (const name of namesIn(pattern, where)) {
      if (jobKeys.has(name)) {
        throw new DmRefusal(
          "InvalidArgument",
          `${where}: the output variable "${name}" has the name of a job's key`,
        )
      }
    }
  }
}

function namesIn(pattern: unknown, where: string): string[] {
  if (typeof pattern !== "string")
    throw new DmRefusal("InvalidArgument", `${where}: a pattern must be a text`)
  try {
    return patternNames(pattern)
  } catch (cause) {
    throw new DmRefusal("InvalidArgument", `${where}: ${messageOf(cause)}`, { cause })
  }
}
