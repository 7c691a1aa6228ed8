import type { Named, Reading, Readings } from "@ophyd-ts/core"
import type { DocumentArgs, DocumentName, DocumentTypes, Subscriber } from "../documents/types.ts"
import { RunEngineError } from "../errors.ts"
import type { Command, Group, Msg, Plan } from "../messages.ts"
import { nameOf } from "../util.ts"
import { plausible, walk } from "./walk.ts"

type Filter = string | ((message: Msg) => boolean)

interface Answerer {
  matches: (message: Msg) => boolean
  answer: (message: Msg) => unknown
}

/**
 * Runs a plan against answers that the test gives instead of devices, and keeps its messages: for unit tests of plans.
 *
 * ```ts
 * const sim = new RunEngineSimulator()
 * sim.addReadHandlerFor(ionChamber, 1e5)
 * const messages = sim.simulatePlan(align(ionChamber, mirror))
 * assertMessageAndReturnRemaining(messages, m => m.command === "set" && m.obj === mirror)
 * ```
 */
export class RunEngineSimulator {
  /** What the plan of the last simulation returned. */
  returnValue: unknown
  readonly #answerers: Answerer[] = []
  readonly #subscribers = new Map<number, [Subscriber, DocumentName | "all"]>()
  #tokens = 0

  /** Answers these commands (of the object with this name, or that the filter takes). A later handler goes first. */
  addHandler<C extends Command>(
    commands: C | readonly C[],
    answer: (message: Msg<C>) => unknown,
    filter?: Filter,
  ): void {
    const list: readonly Command[] = typeof commands === "string" ? [commands] : commands
    const passes = (message: Msg): boolean => {
      if (filter === undefined) return true
      return typeof filter === "string"
        ? message.obj !== null && nameOf(message.obj) === filter
        : filter(message)
    }
    this.#answerers.unshift({
      matches: message => list.includes(message.command) && passes(message),
      answer: message => answer(message as Msg<C>),
    })
  }

  /** A read of the object gives this value under its own name; where it is located, it is there. */
  addReadHandlerFor(obj: Named, value: unknown): void {
    this.addReadHandlerForMultiple(obj, { [obj.name]: value })
    this.addHandler(
      "locate",
      ({ kwargs: { squeeze = true } }) => {
        const location = { setpoint: value, readback: value }
        return squeeze ? location : [location]
      },
      message => message.obj === obj && message.args.length === 0,
    )
  }

  /** A read of the object gives these values, or readings. */
  addReadHandlerForMultiple(obj: Named, values: Record<string, unknown>): void {
    const isReading = (x: unknown): x is Reading => typeof x === "object" && x !== null && "timestamp" in x
    this.addHandler(
      "read",
      (): Readings =>
        Object.fromEntries(
          Object.entries(values).map(([key, v]) => [
            key,
            isReading(v) ? v : { value: v, timestamp: Date.now() / 1000 },
          ]),
        ),
      obj.name,
    )
  }

  /** Runs at each `wait`, or at those of one group. Throwing throws into the simulation. */
  addWaitHandler(answer: (message: Msg<"wait">) => unknown, group?: Group): void {
    this.addHandler(
      "wait",
      answer,
      m => group === undefined || (m.command === "wait" && m.kwargs.group === group),
    )
  }

  /** Sends a document to the plan's subscribers when this command comes. */
  addCallbackHandlerFor<N extends DocumentName>(
    command: Command,
    name: N,
    doc: DocumentTypes[N],
    filter?: Filter,
  ): void {
    this.addHandler(
      command,
      message => {
        this.fireCallback(name, doc)
        return plausible(message)
      },
      filter,
    )
  }

  /** Sends a document to the subscribers that the plan has subscribed so far. */
  fireCallback<N extends DocumentName>(name: N, doc: DocumentTypes[N]): void {
    for (const [fn, wanted] of this.#subscribers.values()) {
      if (wanted === "all" || wanted === name) fn(...([name, doc] as DocumentArgs))
    }
  }

  /** All messages of the plan, in order; its value is in `returnValue`. */
  simulatePlan(plan: Plan<unknown>): Msg[] {
    const messages: Msg[] = []
    const walking = walk(plan, message => this.#answer(message))
    let step = walking.next()
    while (!step.done) {
      messages.push(step.value)
      step = walking.next()
    }
    this.returnValue = step.value
    return messages
  }

  #answer(message: Msg): unknown {
    const answerer = this.#answerers.find(a => a.matches(message))
    if (answerer !== undefined) return answerer.answer(message)
    if (message.command === "subscribe") {
      this.#subscribers.set(++this.#tokens, [message.args[0], message.kwargs.name])
      return this.#tokens
    }
    if (message.command === "unsubscribe") this.#subscribers.delete(message.args[0])
    return plausible(message)
  }
}

/**
 * The messages from the first that the predicate takes (and that is of the group, if one is given) on, it included.
 *
 * @throws RunEngineError when there is none
 */
export function assertMessageAndReturnRemaining(
  messages: readonly Msg[],
  predicate: (message: Msg) => boolean,
  group?: Group,
): Msg[] {
  const isOfGroup = (m: Msg) => group === undefined || (m.kwargs as { group?: Group }).group === group
  const index = messages.findIndex(m => isOfGroup(m) && predicate(m))
  if (index === -1) {
    const list = messages.map(m => (m.obj === null ? m.command : `${m.command} ${nameOf(m.obj)}`)).join(", ")
    throw new RunEngineError("PLAN_ARGUMENT", `no message is like that; there are: ${list || "none"}`)
  }
  return messages.slice(index)
}
