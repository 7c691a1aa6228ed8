/**
 * Watching 200 jobs of DM at 1 s: what it costs, and what a plan feels of it. No other client of DM can be had to
 * compare with, so the cost stands beside one request per job, which is how apstools asks, and the plan's delay beside
 * the same plan without DM.
 */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { DM_WorkflowConnector, DmClient, dmConfig } from "@ophyd-ts/aps-dm"
import { bps, type Plan, RunEngine } from "@ophyd-ts/run-engine"
import { type BenchOptions, type BenchRow, compare } from "./bench.ts"

const jobs = 200
const seconds = 5
/** Of a service that has much to do. */
const slow = 0.5

/** Per cent of a core that this process spends while it waits. */
async function share(wait: Promise<unknown>): Promise<number> {
  const [cpu, began] = [process.cpuUsage(), performance.now()]
  await wait
  const { user, system } = process.cpuUsage(cpu)
  return (user + system) / 10 / (performance.now() - began)
}

/** Longest turn of the event loop while it waits, in ms of CPU: other programs on the machine do not count. */
async function longestTurn(wait: Promise<unknown>): Promise<number> {
  let waiting = true
  let longest = 0
  const look = (before: NodeJS.CpuUsage) => {
    const { user, system } = process.cpuUsage(before)
    longest = Math.max(longest, (user + system) / 1000)
    if (waiting) setImmediate(look, process.cpuUsage())
  }
  look(process.cpuUsage())
  await wait
  waiting = false
  return longest
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
  const cost = { ours: [] as number[], single: [] as number[] }
  const turn = { ours: [] as number[], slow: [] as number[], single: [] as number[] }
  const gap = { dm: [] as number[], without: [] as number[] }
  try {
    await plan()
    for (let i = 0; i < samples; i += 1) gap.without.push(await plan())
    for (const connector of connectors) connector.startWorkflow({ timeout: Number.POSITIVE_INFINITY })
    await Promise.all(connectors.map(({ status }) => until(async () => (await status.get()) === "running")))
    // The answers to 200 starts are digested.
    await pause(5000)
    for (let i = 0; i < samples; i += 1) {
      await delay(0)
      cost.ours.push(await share(pause(seconds * 1000)))
      turn.ours.push(await longestTurn(pause(seconds * 1000)))
      await delay(slow)
      turn.slow.push(await longestTurn(pause(seconds * 1000)))
      gap.dm.push(await plan())
    }
    await delay(0)
    const ids = connectors.map(connector => connector.job?.id ?? "")
    await Promise.all(connectors.map(connector => connector.stop()))
    for (let i = 0; i < samples; i += 1) {
      cost.single.push(await share(oneByOne(client, ids)))
      turn.single.push(await longestTurn(oneByOne(client, ids)))
    }
  } finally {
    await Promise.all(connectors.map(connector => connector.stop()))
    client.close()
    child.disconnect()
  }
  const each = "one request per job"
  return [
    compare("200 jobs at 1 s: part of a core", "%", cost.ours, cost.single, each),
    compare("200 jobs at 1 s: longest turn, CPU", "ms", turn.ours, turn.single, each),
    compare(`the same, DM answers after ${slow} s`, "ms", turn.slow, null, ""),
    compare("longest gap between a plan's messages, slow DM", "ms", gap.dm, gap.without, "without DM"),
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
