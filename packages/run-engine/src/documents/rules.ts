import { RunEngineError } from "../errors.ts"
import type {
  DocumentArgs,
  Event,
  EventDescriptor,
  EventPage,
  RunStart,
  RunStop,
  StreamDatum,
  StreamResource,
  Subscriber,
} from "./types.ts"

/** A document breaks a rule that no schema of a single document can state. */
export class DocumentRuleError extends RunEngineError {
  constructor(message: string) {
    super("DOCUMENT_RULE", message)
  }
}

interface StreamState {
  keys: Set<string>
  /** Keys an event has: those that no other program writes. */
  inEvents: Set<string>
  last: number
  streamed: number
}

interface RunState {
  streams: Map<string, StreamState>
}

/**
 * Checks what holds between the documents of runs: their order, who refers to whom, keys that agree, sequence numbers
 * and counts. Throws `DocumentRuleError` at the first document that breaks a rule. Several runs may be open at once.
 */
export class DocumentRules {
  readonly #open = new Map<string, RunState>()
  readonly #descriptors = new Map<string, { run: RunState; stream: StreamState; doc: EventDescriptor }>()
  readonly #resources = new Map<string, StreamResource>()
  readonly #uids = new Set<string>()

  /** For `RE.subscribe(rules.subscriber, { strict: true })`. */
  readonly subscriber: Subscriber = (...args: DocumentArgs) => this.check(...args)

  check(...[name, doc]: DocumentArgs): void {
    if (name === "start") this.#start(doc)
    else if (name === "descriptor") this.#descriptor(doc)
    else if (name === "event") this.#event(doc)
    else if (name === "event_page") this.#page(doc)
    else if (name === "stream_resource") this.#resource(doc)
    else if (name === "stream_datum") this.#datum(doc)
    else this.#stop(doc)
  }

  /** Throws if a run has no stop document yet. */
  finish(): void {
    if (this.#open.size > 0)
      throw broken("stop", `runs without a stop document: ${[...this.#open.keys()].join(", ")}`)
  }

  #fresh(name: string, uid: string): void {
    if (this.#uids.has(uid)) throw broken(name, `uid ${uid} was used before`)
    this.#uids.add(uid)
  }

  #run(name: string, uid: string | undefined): RunState {
    const run = uid === undefined ? undefined : this.#open.get(uid)
    if (run === undefined) throw broken(name, `run ${uid} is not open`)
    return run
  }

  #start(doc: RunStart): void {
    this.#fresh("start", doc.uid)
    const bad = Object.keys(doc).filter(key => /[./]/.test(key))
    if (bad.length > 0) throw broken("start", `keys with "." or "/": ${bad.join(", ")}`)
    this.#open.set(doc.uid, { streams: new Map() })
  }

  #descriptor(doc: EventDescriptor): void {
    this.#fresh("descriptor", doc.uid)
    const run = this.#run("descriptor", doc.run_start)
    const keys = new Set(Object.keys(doc.data_keys))
    const owned = new Set(Object.values(doc.object_keys).flat())
    agree("descriptor", "object_keys and data_keys", owned, keys)
    for (const [obj, { data, timestamps, data_keys }] of Object.entries(doc.configuration)) {
      const described = new Set(Object.keys(data_keys))
      agree(
        "descriptor",
        `configuration of ${obj}: data and data_keys`,
        new Set(Object.keys(data)),
        described,
      )
      agree(
        "descriptor",
        `configuration of ${obj}: timestamps and data_keys`,
        new Set(Object.keys(timestamps)),
        described,
      )
    }
    const inEvents = new Set([...keys].filter(key => doc.data_keys[key]?.external !== "STREAM:"))
    const known = run.streams.get(doc.name)
    if (known !== undefined)
      agree("descriptor", `data keys of the stream "${doc.name}", before and now`, keys, known.keys)
    const stream = known ?? { keys, inEvents, last: 0, streamed: 0 }
    run.streams.set(doc.name, stream)
    this.#descriptors.set(doc.uid, { run, stream, doc })
  }

  #event(doc: Pick<Event, "uid" | "descriptor" | "data" | "timestamps" | "filled" | "seq_num">): void {
    this.#fresh("event", doc.uid)
    const known = this.#descriptors.get(doc.descriptor)
    if (known === undefined) throw broken("event", `descriptor ${doc.descriptor} is not known`)
    const { stream } = known
    agree("event", "data and data_keys", new Set(Object.keys(doc.data)), stream.inEvents)
    agree("event", "timestamps and data_keys", new Set(Object.keys(doc.timestamps)), stream.inEvents)
    const strange = Object.keys(doc.filled).filter(key => !stream.keys.has(key))
    if (strange.length > 0) throw broken("event", `filled names keys without data: ${strange.join(", ")}`)
    // After a rewind a number comes again; it never jumps ahead.
    const next = stream.last + 1
    if (!Number.isInteger(doc.seq_num) || doc.seq_num < 1 || doc.seq_num > next) {
      throw broken("event", `seq_num ${doc.seq_num} in "${known.doc.name}", expected 1 to ${next}`)
    }
    stream.last = Math.max(stream.last, doc.seq_num)
  }

  #page(doc: EventPage): void {
    const at = <T>(columns: Record<string, T[]>, i: number) =>
      Object.fromEntries(Object.entries(columns).map(([key, values]) => [key, values[i] as T]))
    doc.uid.forEach((uid, i) => {
      this.#event({
        uid,
        descriptor: doc.descriptor,
        seq_num: doc.seq_num[i]!,
        data: at(doc.data, i),
        timestamps: at(doc.timestamps, i),
        filled: at(doc.filled, i),
      })
    })
  }

  #resource(doc: StreamResource): void {
    this.#fresh("stream_resource", doc.uid)
    this.#run("stream_resource", doc.run_start)
    this.#resources.set(doc.uid, doc)
  }

  #datum(doc: StreamDatum): void {
    this.#fresh("stream_datum", doc.uid)
    const known = this.#descriptors.get(doc.descriptor)
    if (known === undefined) throw broken("stream_datum", `descriptor ${doc.descriptor} is not known`)
    const resource = this.#resources.get(doc.stream_resource)
    if (resource === undefined)
      throw broken("stream_datum", `stream_resource ${doc.stream_resource} is not known`)
    if (!known.stream.keys.has(resource.data_key)) {
      throw broken(
        "stream_datum",
        `its resource is for "${resource.data_key}", which "${known.doc.name}" does not have`,
      )
    }
    const { indices, seq_nums } = doc
    if (indices.stop < indices.start || seq_nums.stop - seq_nums.start !== indices.stop - indices.start) {
      throw broken(
        "stream_datum",
        `indices ${JSON.stringify(indices)} and seq_nums ${JSON.stringify(seq_nums)} differ`,
      )
    }
    known.stream.streamed = Math.max(known.stream.streamed, seq_nums.stop - 1)
  }

  #stop(doc: RunStop): void {
    this.#fresh("stop", doc.uid)
    const run = this.#run("stop", doc.run_start)
    for (const [name, { last, streamed }] of run.streams) {
      const counted = doc.num_events[name] ?? 0
      const expected = Math.max(last, streamed)
      if (counted !== expected)
        throw broken("stop", `num_events of "${name}" is ${counted}, its highest number is ${expected}`)
    }
    const unknown = Object.keys(doc.num_events).filter(name => !run.streams.has(name))
    if (unknown.length > 0)
      throw broken("stop", `num_events counts streams without descriptor: ${unknown.join(", ")}`)
    this.#open.delete(doc.run_start)
    for (const [uid, { run: of }] of this.#descriptors) if (of === run) this.#descriptors.delete(uid)
    for (const [uid, { run_start }] of this.#resources)
      if (run_start === doc.run_start) this.#resources.delete(uid)
    // Remembering every uid of a session would never end.
    if (this.#open.size === 0) this.#uids.clear()
  }
}

const broken = (name: string, what: string) => new DocumentRuleError(`${name}: ${what}`)

function agree(name: string, what: string, a: ReadonlySet<string>, b: ReadonlySet<string>): void {
  const odd = [...[...a].filter(key => !b.has(key)), ...[...b].filter(key => !a.has(key))]
  if (odd.length > 0) throw broken(name, `${what} do not agree on ${odd.join(", ")}`)
}
