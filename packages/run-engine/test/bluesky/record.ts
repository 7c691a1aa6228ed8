/** Runs a plan and writes what happened in the form of the recordings. */
import { errorOf, type Msg, type NamedDocument, type Plan, RunEngine } from "../../src/index.ts"

export type Json = unknown

export interface Recording {
  messages: [command: string, obj: Json, args: Json[], kwargs: Record<string, Json>, run: string | null][]
  documents: [name: string, doc: Record<string, Json>][]
  states: string[]
  error: string | null
}

const snake: Record<string, string> = { exitStatus: "exit_status", returnPayload: "return_payload" }

class Normaliser {
  readonly #groups = new Map<unknown, string>()
  readonly #uids = new Map<string, string>()

  #group(group: unknown): string {
    if (!this.#groups.has(group)) this.#groups.set(group, `group ${this.#groups.size + 1}`)
    return this.#groups.get(group)!
  }

  /** What is begun in the same group after a wait is another group for the reader. */
  #waited(group: unknown): string {
    const number = this.#group(group)
    this.#groups.delete(group)
    this.#groups.set(Symbol(), number)
    return number
  }

  #uid(uid: string, kind: string): string {
    if (!this.#uids.has(uid)) {
      const count = [...this.#uids.values()].filter(v => v.startsWith(kind)).length
      this.#uids.set(uid, `${kind} ${count + 1}`)
    }
    return this.#uids.get(uid)!
  }

  plain(x: unknown): Json {
    if (typeof x === "number") return Math.round(x * 1e9) / 1e9 + 0
    if (Array.isArray(x)) return x.map(v => this.plain(v))
    if (typeof x !== "object" || x === null) return x
    const name = (x as { name?: unknown }).name
    if (typeof name === "string" && "describe" in x) return name
    return Object.fromEntries(
      Object.entries(x).map(([k, v]) => [
        k,
        k === "motors" ? (this.plain(v) as string[]).sort() : this.plain(v),
      ]),
    )
  }

  message(m: Msg): Recording["messages"][number] {
    let kwargs = Object.fromEntries(Object.entries(m.kwargs).map(([k, v]) => [snake[k] ?? k, v]))
    let args: readonly unknown[] = m.args
    delete kwargs["together"]
    if (m.command === "wait") kwargs = { group: this.#waited(kwargs["group"]) }
    else if ("group" in kwargs) kwargs["group"] = this.#group(kwargs["group"])
    const keep = (kept: (key: string, value: unknown) => boolean) =>
      Object.fromEntries(Object.entries(kwargs).filter(([k, v]) => kept(k, v)))
    if (m.command !== "open_run") kwargs = keep((_, v) => v !== null)
    if (m.command === "collect") kwargs = keep((k, v) => v !== false && k !== "return_payload")
    if (m.command === "declare_stream" || m.command === "collect") args = m.args[0]
    const obj = (m.obj as { name?: string } | null)?.name ?? null
    return [m.command, obj, this.plain(args) as Json[], this.plain(kwargs) as Record<string, Json>, m.run]
  }

  document({ name, doc }: NamedDocument): Recording["documents"][number] {
    const { time, ...rest } = doc as unknown as Record<string, unknown>
    const kept: Record<string, unknown> = rest
    kept["uid"] = Array.isArray(doc.uid)
      ? doc.uid.map(u => this.#uid(u, "event"))
      : this.#uid(doc.uid as string, name)
    for (const [key, kind] of [
      ["run_start", "start"],
      ["descriptor", "descriptor"],
    ] as const) {
      if (key in kept) kept[key] = this.#uid(kept[key] as string, kind)
    }
    if ("timestamps" in kept) kept["timestamps"] = Object.keys(kept["timestamps"] as object).sort()
    if (name === "descriptor") {
      kept["configuration"] = Object.fromEntries(
        Object.entries(doc.configuration).map(([obj, { data, data_keys, timestamps }]) => [
          obj,
          { data, data_keys, timestamps: Object.keys(timestamps).sort() },
        ]),
      )
    }
    return [name, this.plain(kept) as Record<string, Json>]
  }
}

/** bluesky takes the order of motors in staging from a set. */
function sortedStaging(messages: Recording["messages"]): Recording["messages"] {
  const result: Recording["messages"] = []
  let run: Recording["messages"] = []
  const flush = () => {
    result.push(...run.sort((a, b) => (String(a[1]) < String(b[1]) ? -1 : 1)))
    run = []
  }
  for (const message of messages) {
    if (run.length > 0 && run[0]![0] !== message[0]) flush()
    if (message[0] === "stage" || message[0] === "unstage") run.push(message)
    else result.push(message)
  }
  flush()
  return result
}

/** `after` says what is done each time the plan is paused. */
export async function record(
  plan: Plan<unknown>,
  after?: "resume" | "stop" | "abort" | "halt",
): Promise<Recording> {
  const normaliser = new Normaliser()
  const messages: Recording["messages"] = []
  const documents: Recording["documents"] = []
  const states: string[] = []
  const RE: RunEngine = new RunEngine({
    hooks: {
      // How long the rest of a delay is, and whether there is one, depends on the machine.
      msg: m => void (m.command !== "sleep" && messages.push(normaliser.message(m))),
      state: now => {
        states.push(now)
        if (now === "paused" && after !== undefined) queueMicrotask(() => void RE[after]())
      },
    },
  })
  RE.documents$.subscribe(d => documents.push(normaliser.document(d)))
  const error = await RE.run(plan).then(
    () => null,
    (e: unknown) => errorOf(e).constructor.name,
  )
  return { messages: sortedStaging(messages), documents, states, error }
}
