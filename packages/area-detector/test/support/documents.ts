import {
  type DocumentName,
  DocumentRules,
  type DocumentTypes,
  type NamedDocument,
  RunEngine,
} from "@ophyd-ts/run-engine"

/** An engine whose documents are checked and kept. */
export function recordingEngine() {
  const RE = new RunEngine()
  const rules = new DocumentRules()
  const documents: NamedDocument[] = []
  RE.subscribe((...document) => {
    rules.check(...document)
    const [name, doc] = document
    documents.push({ name, doc } as NamedDocument)
  })
  const of = <N extends DocumentName>(name: N): DocumentTypes[N][] =>
    documents.flatMap(one => (one.name === name ? [one.doc as DocumentTypes[N]] : []))
  return { RE, documents, of }
}
