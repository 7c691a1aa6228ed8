import { firstValueFrom, map, take, toArray } from "rxjs"
import { expect, it } from "vitest"
import { ntScalar } from "../../src/nt/scalar.ts"
import { updates$ } from "../../src/rx.ts"
import { SharedPv } from "../../src/server/shared-pv.ts"
import { Pair } from "../support/pair.ts"
import { until } from "../support/until.ts"

it("updates as an Observable: started by the subscriber, closed with it, its end and its error passed on", async () => {
  await using pair = await Pair.open()
  const double = ntScalar("double")
  const pv = new SharedPv(double)
  pair.server.add("x", pv)
  const values$ = updates$(() => pair.client.monitor("x", { type: double })).pipe(
    map(({ value }) => value.value),
  )
  expect(pv.subscriberCount).toBe(0)
  const three = firstValueFrom(values$.pipe(take(3), toArray()))
  for (const n of [1, 2]) {
    await until(() => expect(pv.subscriberCount).toBe(1))
    pv.post({ value: n })
  }
  expect(await three).toEqual([0, 1, 2])
  await until(() => expect(pv.subscriberCount).toBe(0))
  const refused$ = updates$(() => pair.client.monitor("x", { request: "field(nothing)" }))
  await expect(firstValueFrom(refused$)).rejects.toMatchObject({ code: "PVA_REFUSED" })
})
