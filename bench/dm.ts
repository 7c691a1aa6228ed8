/**
 * Watching 200 jobs of DM at 1 s: what it costs, and what a plan feels of it. No other client of DM can be had to
 * compare with, so the cost stands beside one request per job, which is how apstools asks, and the plan's delay beside
 * the same plan without DM.
 */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { fileURLToPath } from "node:url"
import { DM_WorkflowConnector, DmClient, dmConfig } from "@ophyd-ts/aps-dm"
import { bps, type Plan, RunEngine } from "@ophyd-ts/run-engine"
import { type BenchOptions, type BenchRow, compare } from "./bench.ts"

const jobs = 200
const seconds = 5
/** Of a service that has much to do. */
const slow = 0.5

interface Cost {
  /** Per cent of a core. */
  cpu: number
  /** Longest that the event loop was held up, ms. */
  held: number
}

/** What this process spends while it waits. */
async function costOf(wait: Promise<unknown>): Promise<Cost> {
  const loop = monitorEventLoopDelay({ resolution: 1 })
  loop.enable()
  const [cpu, began] = [process.cpuUsage(), performance.now()]
  await wait
  const { user, system } = process.cpuUsage(cpu)
  loop.disable()
  return { cpu: (user + system) / 10 / (performance.now() - began), held: loop.max / 1e6 - 1 }
}

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

/** Messages one after the other with a turn between them; gives the longest gap in ms. */
function* messages(): Plan<number> {
  let [longest, last] = [0, performance.now()]
  for (const end = last + seconds * 1000; last < end; ) {
    yield* bps.sleep(0.001)
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
  }
  return longest
}

async function startService(): Promise<{ child: ChildProcess; environment: Record<string, string> }> {
  const child = fork(fileURLToPath(new URL("./dm/service.ts", import.meta.url)), {
    execArgv: ["--import", "tsx", "--conditions=@ophyd-ts/source"],
  })
  const [environment] = (await once(child, "message")) as [Record<string, string>]
  return { child, environment }
}

export async function run({ samples }: BenchOptions): Promise<BenchRow[]> {
  const { child, environment } = await startService()
  const delay = async (s: number) => {
    child.send(s)
    await once(child, "message")
  }
  const client = new DmClient(dmConfig.fromEnvironment({}, environment))
  const connectors = Array.from(
    { length: jobs },
    (_, i) =>
      new DM_WorkflowConnector({
        name: `w${i}`,
        client,
        workflow: "long",
        workflowArgs: { filePath: `/data/${i}` },
      }),
  )
  const RE = new RunEngine()
  const plan = async () => (await RE.run(messages())).value ?? Number.NaN
  const watched: Cost[] = []
  const [withDm, slowDm, without, single]: [number[], number[], number[], Cost[]] = [[], [], [], []]
  try {
    await plan()
    for (let i = 0; i < samples; i += 1) without.push(await plan())
    for (const connector of connectors) connector.startWorkflow({ timeout: Number.POSITIVE_INFINITY })
    await Promise.all(connectors.map(({ status }) => until(async () => (await status.get()) === "running")))
    // The answers to 200 starts are digested.
    await pause(5000)
    for (let i = 0; i < samples; i += 1) {
      await delay(0)
      watched.push(await costOf(pause(seconds * 1000)))
      withDm.push(await plan())
      await delay(slow)
      slowDm.push(await plan())
    }
    await delay(0)
    const ids = connectors.map(connector => connector.job?.id ?? "")
    await Promise.all(connectors.map(connector => connector.stop()))
    for (let i = 0; i < samples; i += 1) single.push(await costOf(oneByOne(client, ids)))
  } finally {
    await Promise.all(connectors.map(connector => connector.stop()))
    client.close()
    child.disconnect()
  }
  const cpu = (costs: Cost[]) => costs.map(cost => cost.cpu)
  const held = (costs: Cost[]) => costs.map(cost => cost.held)
  const each = "one request per job"
  return [
    compare("200 jobs at 1 s: part of a core", "%", cpu(watched), cpu(single), each),
    compare("200 jobs at 1 s: event loop held up", "ms", held(watched), held(single), each),
    compare("longest gap between messages of a plan", "ms", withDm, without, "without DM"),
    compare(`the same, DM answers after ${slow} s`, "ms", slowDm, without, "without DM"),
  ]
}

async function oneByOne(client: DmClient, ids: readonly string[]): Promise<void> {
  for (let i = 0; i < seconds; i += 1) {
    const second = pause(1000)
    await Promise.all(ids.map(id => client.proc.getProcessingJobById(client.username, id)))
    await second
  }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await pause(100)
}
