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
} from "../documents/types.ts"

/** One method per kind of document. Extend it and override what you need; subscribe its `subscriber`. */
export class DocumentRouter {
  start(_doc: RunStart): unknown {
    return undefined
  }
  descriptor(_doc: EventDescriptor): unknown {
    return undefined
  }
  event(_doc: Event): unknown {
    return undefined
  }
  event_page(_doc: EventPage): unknown {
    return undefined
  }
  stream_resource(_doc: StreamResource): unknown {
    return undefined
  }
  stream_datum(_doc: StreamDatum): unknown {
    return undefined
  }
  stop(_doc: RunStop): unknown {
    return undefined
  }

  /** The router as a function, for `RE.subscribe`. */
  readonly subscriber: Subscriber = (...[name, doc]: DocumentArgs) =>
    (this[name] as (doc: unknown) => unknown).call(this, doc)
}

/**
 * Gives each run a subscriber of its own, so that several open runs do not mix: `runRouter(start => myRecorder(start))`.
 */
export function runRouter(makeSubscriber: (start: RunStart) => Subscriber | null): Subscriber {
  const byRun = new Map<string, Subscriber>()
  const runOf = new Map<string, string>()
  const owner = (...[name, doc]: DocumentArgs): string | undefined => {
    switch (name) {
      case "start":
        return doc.uid
      case "descriptor":
        runOf.set(doc.uid, doc.run_start)
        return doc.run_start
      case "stop":
      case "stream_resource":
        return doc.run_start
      default:
        return runOf.get(doc.descriptor)
    }
  }
  return (...args) => {
    const [name, doc] = args
    const run = owner(...args)
    if (run === undefined) return undefined
    if (name === "start") {
      const made = makeSubscriber(doc)
      if (made !== null) byRun.set(run, made)
    }
    const result = byRun.get(run)?.(...args)
    if (name === "stop") {
      byRun.delete(run)
      for (const [uid, of] of runOf) if (of === run) runOf.delete(uid)
    }
    return result
  }
}
