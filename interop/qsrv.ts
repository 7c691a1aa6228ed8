/** What our client must see alike on both record servers of pvAccess, QSRV2 and the older QSRV1. */
import type { SoftIoc } from "@ophyd-ts/ioc-sim"
import { ntScalar, type PvaClient, plain } from "pvxs-node"
import { expect, vi } from "vitest"

const wait = 20_000

/** Records that the checks below need. A calculation with `ODLY` is processed that many seconds long. */
export const qsrvRecords = `
record(calcout, "$(P)slow") { field(CALC, "A") field(ODLY, "0.4") field(OUT, "$(P)slowOut PP") }
record(ao, "$(P)slowOut") {}
record(calcout, "$(P)endless") { field(CALC, "A") field(ODLY, "600") }
record(calc, "$(P)count") { field(CALC, "VAL+1") field(SCAN, ".1 second") }
`

/** Channels of fields that records of all types have, or all analog ones. */
export const fieldsOf = (...records: string[]): string[] =>
  records.flatMap(record =>
    ["NAME", "DESC", "SCAN", "PREC", "EGU", "HIHI", "LOLO", "HIGH", "LOW", "VAL", "STAT", "SEVR"].map(
      field => `${record}.${field}`,
    ),
  )

const value = async (client: PvaClient, name: string): Promise<unknown> =>
  plain((await client.get(name))["value"])

export async function waitsForProcessingWhenAsked(client: PvaClient, P: string): Promise<void> {
  await client.put(`${P}endless.A`, 1)
  expect(await value(client, `${P}endless.DLYA`)).toBe(1)
  const start = performance.now()
  await client.put(`${P}slow.A`, 2, { completion: true })
  expect(performance.now() - start).toBeGreaterThan(350)
  expect(await value(client, `${P}slowOut`)).toBe(2)
}

export async function monitorsWithPipeline(client: PvaClient, P: string, queueSize: number): Promise<void> {
  await using monitor = client.monitor(`${P}count`, { type: ntScalar("double"), pipeline: true, queueSize })
  const seen: number[] = []
  for await (const update of monitor) {
    seen.push(update.value.value)
    if (seen.length === 12) break
  }
  const counts = [...new Set(seen)]
  expect(counts).toEqual(counts.map((_, i) => counts[0]! + i))
}

/** The record `ao` has 1.5 in the database. */
export async function livesThroughRestart(client: PvaClient, P: string, ioc: SoftIoc): Promise<void> {
  await using monitor = client.monitor(`${P}ao`, { type: ntScalar("double") })
  const updates = monitor[Symbol.asyncIterator]()
  await updates.next()
  // It would be done long after the end of the test.
  await client.put(`${P}slow.ODLY`, 600)
  const put = client.put(`${P}slow.A`, 4, { completion: true })
  // The put has arrived when the value it sets can be read.
  await vi.waitFor(async () => expect(await value(client, `${P}slow.A`)).toBe(4), wait)
  const outcome = expect(put).rejects.toMatchObject({ code: "PVA_OUTCOME_UNKNOWN" })
  await ioc.kill("SIGKILL")
  await outcome
  await ioc.restart()
  let update = (await updates.next()).value!
  while (!update.initial) update = (await updates.next()).value!
  expect(update.value.value).toBe(1.5)
}
