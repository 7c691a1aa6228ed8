import { expect, it } from "vitest"
import { ntScalar } from "../../src/nt/scalar.ts"
import { SharedPv } from "../../src/server/shared-pv.ts"
import { Pair } from "../support/pair.ts"
import { until } from "../support/until.ts"

const double = ntScalar("double")

it("a handle that is closed hears nothing more, while others of its name go on to, with the same listener", async () => {
  await using pair = await Pair.open()
  const pv = new SharedPv(double)
  pair.server.add("x", pv)
  const heard: string[] = []
  const listener = (): void => void heard.push("shared")
  const [one, other, third] = [0, 1, 2].map(() => pair.client.channel("x"))
  await one!.connect()
  one!.on("disconnected", () => heard.push("one"))
  one!.on("disconnected", listener)
  other!.on("disconnected", listener)
  third!.on("disconnected", listener)()
  one!.close()
  one!.on("disconnected", () => heard.push("one"))
  pv.close()
  await until(() => expect(heard).not.toEqual([]))
  pv.open(double)
  await other!.connect()
  expect(heard).toEqual(["shared"])
})
