import { AssertionError } from "@ophyd-ts/core/testing"
import { DocumentRules } from "../documents/rules.ts"
import type { DocumentArgs, DocumentName, DocumentTypes, NamedDocument } from "../documents/types.ts"
import type { RunEngine } from "../engine/run-engine.ts"

/** Documents as a test wants them: which came, how many, and with which values. */
export class DocumentRecorder {
  /** All, as they came. */
  readonly documents: NamedDocument[] = []
  readonly #rules = new DocumentRules()
  readonly #streams = new Map<string, string>()

  /** Throws a document that breaks the rules of the event model back at whoever emits it. */
  readonly subscriber = (...args: DocumentArgs): void => {
    this.#rules.check(...args)
    const [name, doc] = args
    this.documents.push({ name, doc } as NamedDocument)
    if (name === "descriptor") this.#streams.set(doc.uid, doc.name)
  }

  /** Those of one kind, in order. */
  of<N extends DocumentName>(name: N): DocumentTypes[N][] {
    return this.documents.flatMap(one => (one.name === name ? [one.doc as DocumentTypes[N]] : []))
  }

  /** The values of a key, point by point. */
  values(key: string, stream = "primary"): unknown[] {
    const known = new Set<string>()
    const values = this.documents.flatMap(({ name, doc }) => {
      if ((name !== "event" && name !== "event_page") || this.#streams.get(doc.descriptor) !== stream)
        return []
      for (const each of Object.keys(doc.data)) known.add(each)
      if (!(key in doc.data)) return []
      return name === "event" ? [doc.data[key]] : (doc.data[key] as unknown[])
    })
    if (known.size === 0 || known.has(key)) return values
    throw new AssertionError(
      `no event of the stream ${stream} has ${key}; there are ${[...known].join(", ")}`,
    )
  }

  /** Fails unless exactly so many of each kind came, and every run has its end: `{ start: 1, descriptor: 1, event: 3, stop: 1 }`. */
  assertEmitted(expected: Partial<Record<DocumentName, number>>): void {
    const counts = new Map<string, number>()
    for (const { name } of this.documents) counts.set(name, (counts.get(name) ?? 0) + 1)
    const names = new Set([...counts.keys(), ...Object.keys(expected)])
    const wrong = [...names].flatMap(name => {
      const [found, wanted] = [counts.get(name) ?? 0, expected[name as DocumentName] ?? 0]
      return found === wanted ? [] : [`${found} ${name}, not ${wanted}`]
    })
    if (wrong.length > 0) throw new AssertionError(`the documents are ${wrong.join("; ")}`)
    this.#rules.finish()
  }
}

/** Keeps what an engine emits from now on, and holds it to the rules of the event model: a document that breaks them fails the plan. */
export function recordDocuments(RE: RunEngine): DocumentRecorder {
  const recorder = new DocumentRecorder()
  RE.subscribe(recorder.subscriber, { strict: true })
  return recorder
}
