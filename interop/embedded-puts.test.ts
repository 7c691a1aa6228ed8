/** What clients see of puts is the same on the embedded IOC and on the genuine one: the same is asked of both. */
import { startBeamline, startSoftBeamline } from "@ophyd-ts/ioc-sim"
import { CaClient, type CaMonitor, type CaMonitorOptions } from "node-epics-ca"
import { field, PvaClient, readTimeStamp } from "pvxs-node"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { peers } from "./peers.ts"

type Ioc = Awaited<ReturnType<typeof startBeamline>> | Awaited<ReturnType<typeof startSoftBeamline>>

const P = `t${Math.random().toString(36).slice(2, 8)}:`
const patience = { timeout: 20_000, interval: 5 }

/** Clients of one IOC, to be closed together. */
class Clients implements AsyncDisposable {
  readonly #ioc: Ioc
  readonly #open: { close(): Promise<void> }[] = []

  constructor(ioc: Ioc) {
    this.#ioc = ioc
  }

  ca(): CaClient {
    const client = new CaClient(this.#ioc.clientConfig().ca)
    this.#open.push(client)
    return client
  }

  pva(): PvaClient {
    const client = new PvaClient(this.#ioc.clientConfig().pva)
    this.#open.push(client)
    return client
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#open.map(client => client.close()))
  }
}

/** Whether a put has completed. */
function follow(put: Promise<unknown>): { done: boolean; readonly end: Promise<unknown> } {
  const followed = {
    done: false,
    end: put.then(
      () => {
        followed.done = true
      },
      () => {},
    ),
  }
  return followed
}

/** All values of a PV from now on, without the one that it has now. */
async function watch(
  client: CaClient,
  name: string,
  options: Omit<CaMonitorOptions, "onUpdate"> = {},
): Promise<{ readonly seen: unknown[]; readonly monitor: CaMonitor }> {
  const seen: unknown[] = []
  const monitor = client.monitor(name, { ...options, onUpdate: ({ value }) => void seen.push(value) })
  await vi.waitFor(() => expect(seen).toHaveLength(1), patience)
  seen.pop()
  return { seen, monitor }
}

const completion = { completion: true }
const block = { request: "record[block=true]" }

/** What is asked of both IOCs; each gives what it has seen. */
const questions: [what: string, ask: (clients: Clients) => Promise<unknown>][] = [
  [
    "a put with completion waits for the one before, from another client and to another field, and has written nothing",
    async clients => {
      const [a, b, other, pva] = [clients.ca(), clients.ca(), clients.ca(), clients.pva()]
      await pva.get(`${P}busy.DESC`)
      await b.get([`${P}busy`, `${P}busy.DESC`])
      const { seen } = await watch(other, `${P}busy`)
      const first = follow(a.put(`${P}busy`, 1, completion))
      await vi.waitFor(() => expect(seen).toEqual([1]), patience)
      const second = follow(b.put(`${P}busy`, 1, completion))
      const third = follow(b.put(`${P}busy.DESC`, "third", completion))
      const asked = [first, second, third]
      // Requests of a client are answered in turn: had the puts been carried out, they were complete by now.
      const description = await b.get(`${P}busy.DESC`)
      const fourth = follow(pva.put(`${P}busy.DESC`, "fourth", block))
      await pva.put(`${P}busy.DESC`, "at once")
      const during = [...asked, fourth].map(put => put.done)
      const between = await b.get(`${P}busy.DESC`)
      await other.put(`${P}busy`, 0)
      await first.end
      await vi.waitFor(() => expect(seen).toEqual([1, 0, 1]), patience)
      const after = [...asked, fourth].map(put => put.done)
      await other.put(`${P}busy`, 0)
      await Promise.all([second.end, third.end, fourth.end])
      const last = await b.get(`${P}busy.DESC`)
      return [during, description.value, between.value, after, seen, last.value]
    },
  ],
  [
    "a client that goes leaves the record to the next, and one that waits is forgotten",
    async clients => {
      const [a, gone, b, other] = [clients.ca(), clients.ca(), clients.ca(), clients.ca()]
      await Promise.all([gone.get(`${P}busy`), b.get(`${P}busy`)])
      const { seen } = await watch(other, `${P}busy`)
      follow(a.put(`${P}busy`, "Busy", completion))
      await vi.waitFor(() => expect(seen).toEqual([1]), patience)
      follow(gone.put(`${P}busy`, "Done", completion))
      await gone.get(`${P}busy`)
      const last = follow(b.put(`${P}busy.DESC`, "last", completion))
      await b.get(`${P}busy`)
      await gone.close()
      const before = last.done
      await a.close()
      await last.end
      await other.put(`${P}busy`, 0)
      await vi.waitFor(() => expect(seen).toEqual([1, 0]), patience)
      return [before, last.done, seen]
    },
  ],
  [
    "a motor goes to one target after the other, and to a plain one at once",
    async clients => {
      const [a, b, other] = [clients.ca(), clients.ca(), clients.ca()]
      await other.put(`${P}m1`, 0, completion)
      await b.get([`${P}m1`, `${P}m1.VELO`])
      const targets = await watch(other, `${P}m1`)
      const moves = await watch(other, `${P}m1.DMOV`)
      const first = follow(a.put(`${P}m1`, 0.5, completion))
      await vi.waitFor(() => expect(moves.seen).toEqual([0]), patience)
      const second = follow(b.put(`${P}m1`, 0.2, completion))
      const third = follow(b.put(`${P}m1.VELO`, 4, completion))
      const velocity = await b.get(`${P}m1.VELO`)
      await Promise.all([first.end, second.end, third.end])
      await vi.waitFor(() => expect(moves.seen).toEqual([0, 1, 0, 1]), patience)
      moves.seen.splice(0)
      const queued = [velocity.value, targets.seen.splice(0)]
      const long = follow(a.put(`${P}m1`, 3, completion))
      await vi.waitFor(() => expect(moves.seen).toEqual([0]), patience)
      await b.put(`${P}m1`, 0.3)
      await long.end
      await b.put(`${P}m1.VELO`, 5, completion)
      const position = await other.get([`${P}m1.RBV`, `${P}m1`])
      await vi.waitFor(() => expect(moves.seen).toEqual([0, 1]), patience)
      return [...queued, position.map(({ value }) => value), targets.seen]
    },
  ],
  [
    "a put with completion that would stop a counter comes too late, a plain one does not",
    async clients => {
      const [a, b, other] = [clients.ca(), clients.ca(), clients.ca()]
      await b.get(`${P}scaler1.CNT`)
      const { seen } = await watch(other, `${P}scaler1.CNT`)
      const times: unknown[] = []
      for (const options of [completion, {}]) {
        await other.put(`${P}scaler1.TP`, options === completion ? 0.5 : 5, completion)
        const counting = follow(a.put(`${P}scaler1.CNT`, 1, completion))
        await vi.waitFor(() => expect(seen.at(-1)).toBe(1), patience)
        await b.put(`${P}scaler1.CNT`, 0, options)
        await counting.end
        times.push(Number((await other.get(`${P}scaler1.T`)).value) < 1)
      }
      await other.put(`${P}scaler1.TP`, 1, completion)
      const { value } = await other.get(`${P}scaler1.T`)
      return [times, Number(value) < 4]
    },
  ],
  [
    "who watches hears of a value that is another one; who reads sees when it was written last",
    async clients => {
      const [a, other, pva] = [clients.ca(), clients.ca(), clients.pva()]
      const name = `${P}det:AcquireTime`
      await other.put(name, 0.125, completion)
      await other.put(`${P}shutter:Request`, "Open", completion)
      const { seen } = await watch(other, name, { events: ["value", "log", "alarm"] })
      const request = await watch(other, `${P}shutter:Request`)
      const overPva: unknown[] = []
      const monitor = pva.monitor(name, { onUpdate: ({ value }) => void overPva.push(field(value, "value")) })
      await vi.waitFor(() => expect(overPva.length).toBeGreaterThan(0), patience)
      const before = [(await a.get(name)).timestamp, readTimeStamp(await pva.get(name))]
      await vi.waitFor(async () => {
        await a.put(name, 0.125, completion)
        expect((await a.get(name)).timestamp).toBeGreaterThan(before[0] as number)
      }, patience)
      const after = readTimeStamp(await pva.get(name))
      await pva.put(name, 0.125)
      await a.put(`${P}shutter:Request`, "Open", completion)
      await a.put(name, 0.25, completion)
      await a.put(name, 1e9, completion)
      await a.put(name, 1e10, completion)
      await a.put(name, 0.125, completion)
      await vi.waitFor(() => expect([seen.at(-1), overPva.at(-1)]).toEqual([0.125, 0.125]), patience)
      await vi.waitFor(() => expect(overPva).toContain(3600), patience)
      monitor.close()
      const isLater = JSON.stringify(after) !== JSON.stringify(before[1])
      return [seen, request.seen, [...new Set(overPva)], isLater]
    },
  ],
  [
    "an update over pvAccess says what has changed, and a choice keeps sixteen bits of its number",
    async clients => {
      const [ca, pva] = [clients.ca(), clients.pva()]
      const name = `${P}det:PeakRate`
      await ca.put(name, 100_000, completion)
      const changes: unknown[] = []
      const monitor = pva.monitor(name, {
        request: "field(value,alarm)",
        onUpdate: ({ changed }) => void changes.push([changed.has("value"), changed.has("alarm")]),
      })
      await vi.waitFor(() => expect(changes).toHaveLength(1), patience)
      await ca.put(name, 1000, completion)
      await vi.waitFor(() => expect(changes).toHaveLength(2), patience)
      await ca.put(name, 100_000, completion)
      await vi.waitFor(() => expect(changes).toHaveLength(3), patience)
      monitor.close()
      const limits = field(await pva.get(name), "valueAlarm", "highAlarmLimit")
      await pva.put(`${P}m3.DIR`, { value: { index: -1 } }, { request: "record[block=true]" })
      const { value } = await ca.get(`${P}m3.DIR`)
      await ca.put(`${P}m3.DESC`, "another rotation", completion)
      const description = field(await pva.get(`${P}m3.RBV`), "display", "description")
      await ca.put(`${P}m3.DESC`, "rotation", completion)
      await ca.put(`${P}m3.DIR`, "Pos", completion)
      return [changes, limits, value, description]
    },
  ],
  [
    "a position that gets another number is told as a new target",
    async clients => {
      const client = clients.ca()
      await client.put(`${P}m2`, 0, completion)
      const { seen } = await watch(client, `${P}m2`)
      await client.put(`${P}m2.SET`, "Set", completion)
      await client.put(`${P}m2`, 5, completion)
      await client.put(`${P}m2.SET`, "Use", completion)
      await client.put(`${P}m2.OFF`, 0, completion)
      await vi.waitFor(() => expect(seen.at(-1)).toBe(0), patience)
      return seen
    },
  ],
  [
    "texts for a choice, and those that are refused",
    async clients => {
      const client = clients.ca()
      const outcomes: unknown[] = []
      for (const name of [`${P}shutter:Request`, `${P}m3.SPMG`, `${P}scaler1.CONT`]) {
        for (const text of ["1", " 1", "1 ", "x1", "0x1", "open", "-1", "99"]) {
          const taken = await client.put(name, text, completion).then(
            () => true,
            () => false,
          )
          outcomes.push([name.slice(P.length), text, taken])
        }
        await client.put(name, name.endsWith("SPMG") ? 3 : name.endsWith("CONT") ? 0 : 1, completion)
      }
      return outcomes
    },
  ],
  [
    "units, digits and limits where a client may want to obey them, and the room in texts",
    async clients => {
      const client = clients.ca()
      const shown: unknown[] = []
      for (const name of ["m3", "m3.RBV", "m3.DVAL", "m3.OFF", "m3.TWV", "m3.MRES", "m3.RDBD"]) {
        const { metadata = {} } = await client.get(P + name, { metadata: true })
        const { units, precision, lowerControlLimit, upperControlLimit } = metadata
        shown.push([name, units, precision, lowerControlLimit, upperControlLimit])
      }
      const analog = await client.get(`${P}det:AcquireTime`, { metadata: true })
      shown.push([analog.metadata?.lowerControlLimit, analog.metadata?.upperControlLimit])
      const long = "an é and so on, longer than any unit of measurement"
      for (const name of ["m3.EGU", "det:AcquireTime.EGU", "scaler1.NM2", "m3.DESC"]) {
        const { value } = await client.get(P + name)
        await client.put(P + name, long.slice(0, 38), completion)
        shown.push((await client.get(P + name)).value)
        await client.put(P + name, value as string, completion)
      }
      await client.put(`${P}det:PeakWidth.PREC`, -1, completion)
      shown.push((await client.get(`${P}det:PeakWidth.PREC`)).value)
      await client.put(`${P}det:PeakWidth.PREC`, 4, completion)
      for (const name of ["m1.SEVR", "m1.STAT", "det:AcquireTime.SEVR", "m1.DISA"])
        shown.push((await client.get(P + name)).value)
      return shown
    },
  ],
]

describe.skipIf(!peers().pvxs)("the embedded IOC and the genuine one", () => {
  const iocs: Ioc[] = []
  beforeAll(async () => {
    iocs.push(...(await Promise.all([startBeamline({ prefix: P }), startSoftBeamline({ prefix: P })])))
  }, 90_000)
  afterAll(async () => {
    await Promise.all(iocs.map(ioc => ioc[Symbol.asyncDispose]()))
  })

  it.each(questions)("%s", { timeout: 60_000 }, async (_what, ask) => {
    const [embedded, genuine] = await Promise.all(
      iocs.map(async ioc => {
        await using clients = new Clients(ioc)
        return await ask(clients)
      }),
    )
    expect(embedded).toEqual(genuine)
  })
})
