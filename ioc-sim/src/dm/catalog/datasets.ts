import { checkRoom, type Doc, isDoc, textIn } from "../documents.ts"
import { DmRefusal } from "../errors.ts"
import type { Experiments } from "../experiments.ts"
import type { Ids } from "../ids.ts"

const maxDatasets = 100_000

/** Free documents about parts of an experiment, by name. */
export class Datasets {
  readonly #experiments: Experiments
  readonly #ids: Ids
  readonly #datasets = new Map<unknown, Map<string, Doc>>()

  constructor(experiments: Experiments, ids: Ids) {
    this.#experiments = experiments
    this.#ids = ids
  }

  /** @throws DmRefusal InvalidArgument, ObjectAlreadyExists, ObjectNotFound (experiment) */
  add(experimentName: unknown, info: unknown): Doc {
    const document = this.#checked(experimentName, info)
    const datasets = this.#of(experimentName)
    const name = String(document.datasetName)
    if (datasets.has(name)) {
      throw new DmRefusal(
        "ObjectAlreadyExists",
        `dataset ${name} of experiment ${experimentName} already exists`,
      )
    }
    checkRoom(datasets.size, maxDatasets, "datasets")
    const stored = { ...document, id: document._id ?? this.#ids.objectId() }
    datasets.set(name, stored)
    return stored
  }

  update(experimentName: unknown, info: unknown): Doc {
    const document = this.#checked(experimentName, info)
    const old = this.get(experimentName, document.datasetName)
    const stored = { ...old, ...document }
    this.#of(experimentName).set(String(document.datasetName), stored)
    return stored
  }

  list(experimentName: unknown): Doc[] {
    return [...this.#of(experimentName).values()]
  }

  /** @throws DmRefusal ObjectNotFound */
  get(experimentName: unknown, name: unknown): Doc {
    const found = this.#of(experimentName).get(String(name))
    if (found === undefined) {
      throw new DmRefusal("ObjectNotFound", `dataset ${name} of experiment ${experimentName} does not exist`)
    }
    return found
  }

  #checked(experimentName: unknown, info: unknown): Doc {
    if (!isDoc(info)) throw new DmRefusal("InvalidArgument", "dataset: the document must be a JSON object")
    textIn(info, "datasetName", "dataset")
    if (info.experimentName !== undefined && info.experimentName !== experimentName) {
      throw new DmRefusal("InvalidArgument", `dataset: experimentName is not ${experimentName}`)
    }
    return { ...info, experimentName }
  }

  #of(experimentName: unknown): Map<string, Doc> {
    const { id } = this.#experiments.byName(experimentName)
    const datasets = this.#datasets.get(id) ?? new Map<string, Doc>()
    this.#datasets.set(id, datasets)
    return datasets
  }
}
