import { describe, expect, test } from "vitest"
import { type SearchEntry, SearchSchedule } from "../src/index.ts"
import { FakeClock, seededRandom } from "../src/testing/index.ts"

interface Name extends SearchEntry {
  id: number
}
const name = (id: number): Name => ({ id, searchPlace: undefined, searchAttempts: 0, searchWindow: -1 })

function setUp(options: { window?: number } = {}) {
  const clock = new FakeClock()
  const sent: { at: number; ids: number[] }[] = []
  const schedule = new SearchSchedule<Name>({
    clock,
    random: seededRandom(),
    send: entries => void sent.push({ at: clock.now(), ids: entries.map(({ id }) => id) }),
    ...options,
  })
  return { clock, sent, schedule }
}

describe("the search schedule", () => {
  test("searches all names of one turn at once", () => {
    const { clock, sent, schedule } = setUp()
    for (let id = 0; id < 100; id += 1) schedule.add(name(id))
    expect(sent).toEqual([])
    clock.advance()
    expect(sent).toHaveLength(1)
    expect(sent[0]?.ids).toHaveLength(100)
  })

  test("backs off with jitter up to 30 seconds, for ever", () => {
    const { clock, sent, schedule } = setUp()
    schedule.add(name(1))
    clock.advance(600)
    const gaps = sent.slice(1).map(({ at }, i) => at - sent[i]!.at)
    for (const [i, gap] of gaps.entries()) {
      const nominal = Math.min(30, 0.05 * 2 ** i)
      expect(gap).toBeGreaterThanOrEqual(nominal * 0.75 - 1e-9)
      expect(gap).toBeLessThanOrEqual(nominal * 1.25)
    }
    expect(gaps.length).toBeGreaterThan(20)
    expect(new Set(gaps.slice(-5)).size).toBe(5)
  })

  test("one more name does not change the pace of the others", () => {
    const { clock, sent, schedule } = setUp()
    schedule.add(name(1))
    clock.advance(100)
    const before = sent.length
    schedule.add(name(2))
    clock.advance(10)
    const searchesOfOne = sent.slice(before).filter(({ ids }) => ids.includes(1))
    expect(searchesOfOne.length).toBeLessThanOrEqual(1)
    expect(sent.slice(before).filter(({ ids }) => ids.includes(2)).length).toBeGreaterThan(6)
  })

  test("names of similar age share their rounds", () => {
    const { clock, sent, schedule } = setUp()
    for (let id = 0; id < 50; id += 1) {
      schedule.add(name(id))
      clock.advance(0.01)
    }
    clock.advance(60)
    const before = sent.length
    clock.advance(60)
    expect(sent.length - before).toBeLessThan(6)
  })

  test("a storm goes out window by window: the next when most of the last are answered, else after a pause", () => {
    const { clock, sent, schedule } = setUp({ window: 10 })
    const names = Array.from({ length: 35 }, (_, id) => name(id))
    for (const each of names) schedule.add(each)
    clock.advance()
    expect(sent.map(({ ids }) => ids.length)).toEqual([10])
    for (const each of names.slice(0, 8)) schedule.remove(each)
    clock.advance()
    expect(sent.map(({ ids }) => ids.length)).toEqual([10, 10])
    clock.advance(0.03)
    expect(sent.map(({ ids }) => ids.length)).toEqual([10, 10, 10])
  })

  test("a removed name is never searched again, and nothing is left behind", () => {
    const { clock, sent, schedule } = setUp()
    const [one, two, three] = [name(1), name(2), name(3)]
    schedule.add(one)
    schedule.add(two)
    schedule.addLater([three], 5)
    schedule.remove(one)
    clock.advance(1)
    schedule.remove(two)
    schedule.remove(three)
    const before = sent.length
    clock.advance(100)
    expect(sent.flatMap(({ ids }) => ids)).not.toContain(1)
    expect(sent.slice(before)).toEqual([])
    expect([schedule.size, clock.pending]).toEqual([0, 0])
  })

  test("names of a lost server wait together", () => {
    const { clock, sent, schedule } = setUp()
    schedule.addLater([name(1), name(2)], 2)
    clock.advance(1.9)
    expect(sent).toEqual([])
    clock.advance(0.2)
    expect(sent[0]?.ids).toEqual([1, 2])
  })

  test("a hint that the network changed brings the slow ones forward", () => {
    const { clock, sent, schedule } = setUp()
    schedule.add(name(1))
    clock.advance(300)
    const before = sent.length
    schedule.hurry(1)
    clock.advance(1)
    expect(sent.length).toBe(before + 1)
  })

  test("a hint that the network changed ends the wait of those that wait for their time", () => {
    const { clock, sent, schedule } = setUp()
    schedule.addLater([name(1)], 30)
    clock.advance(5)
    schedule.hurry(1)
    clock.advance(1)
    expect(sent.map(({ ids }) => ids)[0]).toEqual([1])
  })

  test("closed, it holds no timer", () => {
    const { clock, sent, schedule } = setUp({ window: 1 })
    for (let id = 0; id < 5; id += 1) schedule.add(name(id))
    schedule.addLater([name(9)], 1)
    clock.advance()
    schedule.close()
    const before = sent.length
    clock.advance(100)
    expect([sent.length, clock.pending, schedule.size]).toEqual([before, 0, 0])
  })
})
