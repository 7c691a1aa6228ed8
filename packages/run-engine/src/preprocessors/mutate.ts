import type { Msg, Plan } from "../messages.ts"

/** What to do with a message: `head` in its place, `tail` after it. The head's value answers the message. */
export interface Change {
  head?: Plan<unknown> | undefined
  tail?: Plan<unknown> | undefined
}

/**
 * For each message of the plan, `change` gives what replaces and what follows it; null or undefined lets it pass.
 * The messages of heads and tails pass as they are.
 */
export function* planMutator<T>(plan: Plan<T>, change: (message: Msg) => Change | null | undefined): Plan<T> {
  let now = plan.next()
  while (!now.done) {
    let answer: unknown
    try {
      const { head, tail } = change(now.value) ?? {}
      answer = head === undefined ? yield now.value : yield* head
      if (tail !== undefined) yield* tail
    } catch (error) {
      now = plan.throw(error)
      continue
    }
    now = plan.next(answer)
  }
  return now.value
}

/** Rewrites single messages; null drops one (its answer is then undefined). */
export const msgMutator = <T>(plan: Plan<T>, rewrite: (message: Msg) => Msg | null): Plan<T> =>
  planMutator(plan, message => {
    const rewritten = rewrite(message)
    if (rewritten === message) return null
    return { head: rewritten === null ? dropped() : single(rewritten) }
  })

function* dropped(): Plan<undefined> {}

/** A plan of one message; its value is the message's answer. */
export function* single(message: Msg): Plan<unknown> {
  return yield message
}

/** One plan after the other; gives all their values. */
export function* pchain(...plans: Plan<unknown>[]): Plan<unknown[]> {
  const values: unknown[] = []
  for (const plan of plans) values.push(yield* plan)
  return values
}
