import { systemClock } from "@ophyd-ts/core"
import { describe, expect, it, vi } from "vitest"
import { ManualClock } from "../../src/dm/index.ts"
import { type Task, TaskCancelled, Tasks } from "../../src/dm/time/tasks.ts"
import { dateText, dayText, timestampText } from "../../src/dm/time/texts.ts"

const setUp = () => {
  const clock = new ManualClock(1000)
  const problems: unknown[] = []
  const tasks = new Tasks(clock, problem => problems.push(problem))
  clock.onSettle(() => tasks.settled())
  return { clock, tasks, problems }
}

describe("a clock that is moved by hand", () => {
  it("wakes in order and works off each wake-up before the next", async () => {
    const { clock, tasks } = setUp()
    const seen: string[] = []
    const sleeper = (name: string, seconds: number) => async (task: Task) => {
      await task.sleep(seconds)
      await new Promise(resolve => setImmediate(resolve))
      seen.push(`${name} ${task.time()}`)
      await task.sleep(seconds)
      seen.push(`${name} ${task.time()}`)
    }
    tasks.spawn(sleeper("slow", 3))
    tasks.spawn(sleeper("quick", 1))
    await clock.advance(1)
    expect(seen).toEqual(["quick 1001"])
    await clock.advance(10)
    expect(seen).toEqual(["quick 1001", "quick 1002", "slow 1003", "slow 1006"])
    expect(clock.time()).toBe(1011)
  })

  it("lets a task wait for several things at once", async () => {
    const { clock, tasks } = setUp()
    const seen: number[] = []
    tasks.spawn(async task => {
      await Promise.all([task.sleep(1), task.sleep(3), task.sleep(2)])
      seen.push(task.time())
    })
    tasks.spawn(async task => {
      await task.sleep(1.5)
      await new Promise(resolve => setTimeout(resolve, 5))
      seen.push(task.time())
    })
    await clock.advance(10)
    expect(seen).toEqual([1001.5, 1003])
  })

  it("waits for real work of a task, but not for what the task leaves to the outside", async () => {
    const { clock, tasks } = setUp()
    let release = () => {}
    let released = false
    const outside = new Promise<void>(resolve => {
      release = resolve
    })
    tasks.spawn(async task => {
      await task.outside(outside)
      released = true
    })
    await clock.advance(5)
    expect(released).toBe(false)
    release()
    await tasks.settled()
    expect(released).toBe(true)
  })
})

describe("background tasks", () => {
  it("end at their next wait when they are cancelled", async () => {
    const { clock, tasks, problems } = setUp()
    const ends: unknown[] = []
    const body = (wait: (task: Task) => Promise<unknown>) => async (task: Task) => {
      await wait(task).catch(error => ends.push(error))
    }
    const first = tasks.spawn(body(task => task.sleep(100)))
    tasks.spawn(body(task => task.outside(new Promise(() => {}))))
    first.cancel()
    await first.done
    await tasks.close()
    expect(ends).toEqual([expect.any(TaskCancelled), expect.any(TaskCancelled)])
    await clock.advance(200)
    expect(problems).toEqual([])
  })

  it("report an error of their own instead of losing it", async () => {
    const { tasks, problems } = setUp()
    await tasks.spawn(async () => {
      throw new Error("a fault")
    }).done
    expect(problems).toEqual([new Error("a fault")])
  })

  it("run on the system's clock as well", async () => {
    const tasks = new Tasks(systemClock, () => {})
    const woken = vi.fn()
    await tasks.spawn(async task => {
      await task.sleep(0.01)
      woken()
    }).done
    expect(woken).toHaveBeenCalledOnce()
  })
})

describe("times as texts", () => {
  it("name the zone, in summer and in winter", () => {
    expect(timestampText(1_780_000_000, "America/Chicago")).toBe("2026/05/28 15:26:40 CDT")
    expect(dateText(1_768_925_472.5, "America/Chicago")).toBe("2026-01-20 10:11:12.500000-06:00")
    expect(dateText(0, "UTC", false)).toBe("1970-01-01 00:00:00+00:00")
  })

  it.each([
    ["01-Feb-26", "2026-02-01 00:00:00-06:00"],
    ["2026-07-01", "2026-07-01 00:00:00-05:00"],
    ["2026-07-01 10:00:00", "2026-07-01 00:00:00-05:00"],
    ["31-Feb-26", undefined],
    ["tomorrow", undefined],
  ])("the day %s is %s", (text, expected) => {
    expect(dayText(text, "America/Chicago")).toBe(expected)
  })
})
