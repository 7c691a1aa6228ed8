import { appendFileSync, mkdirSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { pathToFileURL } from "node:url"
import type { DataKeys, Readable, Readings, Stageable, StreamAsset, WritesStreamAssets } from "@ophyd-ts/core"

/** A detector that writes one line of a file for each point, and a last one when it is unstaged. */
export class FileDetector implements Readable, Stageable, WritesStreamAssets {
  readonly name: string
  readonly parent = null
  readonly #path: (n: number) => string
  #file = ""
  #number = 0
  #points = 0
  #announced = 0
  #resource = ""

  constructor(path: (n: number) => string, name = "cam") {
    this.name = name
    this.#path = path
  }

  get file(): string {
    return this.#file
  }

  stage(): void {
    this.#file = this.#path(++this.#number)
    this.#points = 0
    this.#announced = 0
    mkdirSync(dirname(this.#file), { recursive: true })
    writeFileSync(this.#file, "position counts\n")
  }

  unstage(): void {
    appendFileSync(this.#file, "end\n")
  }

  read(): Readings {
    this.#points += 1
    appendFileSync(this.#file, `${this.#points} ${10 * this.#points}\n`)
    return {}
  }

  describe(): DataKeys {
    return { [this.name]: { source: "file", dtype: "array", shape: [1, 2, 2], external: "STREAM:" } }
  }

  getIndex(): number {
    return this.#points
  }

  *collectAssetDocs(index = this.#points): Generator<StreamAsset> {
    if (this.#announced === 0) {
      this.#resource = crypto.randomUUID()
      const uri = `file://localhost${pathToFileURL(this.#file).pathname}`
      yield {
        kind: "stream_resource",
        doc: { uid: this.#resource, data_key: this.name, mimetype: "text/plain", uri, parameters: {} },
      }
    }
    if (index === this.#announced) return
    const uid = `${this.#resource}/${this.#announced}`
    yield {
      kind: "stream_datum",
      doc: {
        uid,
        stream_resource: this.#resource,
        descriptor: "",
        indices: { start: this.#announced, stop: index },
        seq_nums: { start: 0, stop: 0 },
      },
    }
    this.#announced = index
  }
}
