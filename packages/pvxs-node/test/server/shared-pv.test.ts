import { expect, it, vi } from "vitest"
import { field, ntScalar, PvaClient, PvaServer, SharedPv } from "../../src/index.ts"

it("a value that is kept is read by whoever asks, and told to nobody", async () => {
  await using server = await PvaServer.open({ isolated: true })
  const pv = new SharedPv(ntScalar("double"), { value: { value: 1 } })
  server.add("x:pv", pv)
  const client = new PvaClient(server.clientConfig())
  const seen: unknown[] = []
  client.monitor("x:pv", { onUpdate: ({ value }) => void seen.push(field(value, "value")) })
  await vi.waitFor(() => expect(seen).toEqual([1]))
  pv.keep({ value: 2 })
  expect(field(await client.get("x:pv"), "value")).toBe(2)
  pv.post({ value: 3 })
  await vi.waitFor(() => expect(seen).toEqual([1, 3]))
  await client.close()
  pv.close()
  expect(() => pv.keep({ value: 4 })).toThrow("closed")
})
