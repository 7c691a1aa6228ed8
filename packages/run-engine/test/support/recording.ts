import type { Msg } from "../../src/index.ts"
import { type NamedDocument, RunEngine, type RunEngineOptions } from "../../src/index.ts"

export interface Recorded {
  RE: RunEngine
  docs: NamedDocument[]
  /** `command object` of each message. */
  log: string[]
  messages: Msg[]
  states: string[]
  problems: Error[]
}

/** An engine that remembers what it did. */
export function recording(options: RunEngineOptions = {}): Recorded {
  const docs: NamedDocument[] = []
  const log: string[] = []
  const messages: Msg[] = []
  const states: string[] = []
  const problems: Error[] = []
  const RE = new RunEngine({
    ...options,
    hooks: {
      ...options.hooks,
      msg: m => {
        messages.push(m)
        log.push(brief(m))
        options.hooks?.msg?.(m)
      },
      state: (now, before) => {
        states.push(now)
        options.hooks?.state?.(now, before)
      },
      problem: e => problems.push(e),
    },
  })
  RE.documents$.subscribe(d => docs.push(d))
  return { RE, docs, log, messages, states, problems }
}

/** `set motor 1`, `wait`, `create primary`. */
export function brief(m: Msg): string {
  const parts: unknown[] = [m.command]
  const obj = m.obj as { name?: string } | null
  if (obj !== null) parts.push(obj.name)
  if (m.command === "set") parts.push(m.args[0])
  if (m.command === "create") parts.push(m.kwargs.name)
  return parts.join(" ")
}

export const names = (docs: readonly NamedDocument[]): string[] => docs.map(d => d.name)

export const ofKind = <N extends NamedDocument["name"]>(docs: readonly NamedDocument[], name: N) =>
  docs.filter((d): d is Extract<NamedDocument, { name: N }> => d.name === name).map(d => d.doc) as Extract<
    NamedDocument,
    { name: N }
  >["doc"][]

/** A promise and its handles. */
export function deferred<T = void>() {
  let resolve!: (value: T) => void
  let reject!: (error: Error) => void
  const promise = new Promise<T>((a, b) => {
    resolve = a
    reject = b
  })
  return { promise, resolve, reject }
}
