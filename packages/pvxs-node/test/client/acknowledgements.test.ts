import { describe, expect, it } from "vitest"
import { Acknowledgements } from "../../src/client/acknowledgements.ts"

/** A clock whose hands the test turns. */
function handClock() {
  let now = 0
  let timers: { at: number; fn: () => void }[] = []
  const after = (seconds: number, fn: () => void): (() => void) => {
    const timer = { at: now + seconds, fn }
    timers.push(timer)
    return () => {
      timers = timers.filter(each => each !== timer)
    }
  }
  const pass = (seconds: number): void => {
    now += seconds
    const due = timers.filter(timer => timer.at <= now)
    timers = timers.filter(timer => timer.at > now)
    for (const { fn } of due) fn()
  }
  return { clock: { now: () => now, after, soon: (fn: () => void) => void after(0, fn) }, pass }
}

function pipeline(window: number) {
  const { clock, pass } = handClock()
  const sent: (number | "start")[] = []
  const acknowledgements = new Acknowledgements(
    window,
    clock,
    count => sent.push(count),
    () => sent.push("start"),
  )
  acknowledgements.reset()
  const take = (n: number): void => {
    for (let i = 0; i < n; i++) {
      acknowledgements.received()
      acknowledgements.consume(1)
    }
  }
  return { acknowledgements, pass, take, sent }
}

describe("a server that used up its window", () => {
  it("is told to go on when no more comes after a burst, once", () => {
    const { take, pass, sent } = pipeline(4)
    take(4)
    expect(sent).toEqual([2, 2])
    pass(0.05)
    expect(sent).toEqual([2, 2])
    pass(0.06)
    expect(sent).toEqual([2, 2, "start"])
    take(1)
    pass(0)
    pass(5)
    expect(sent).toEqual([2, 2, "start", 1])
  })

  it("is left alone while updates come, and when they come one at a time", () => {
    const { take, pass, sent } = pipeline(4)
    for (let i = 0; i < 20; i++) {
      take(2)
      pass(0.05)
    }
    expect(sent).not.toContain("start")
    pass(1)
    sent.length = 0
    for (let i = 0; i < 20; i++) {
      take(1)
      pass(0.2)
    }
    expect(sent).not.toContain("start")
  })

  it("is forgotten with its subscription", () => {
    const { acknowledgements, take, pass, sent } = pipeline(2)
    take(4)
    acknowledgements.stop()
    pass(1)
    expect(sent).not.toContain("start")
  })
})
