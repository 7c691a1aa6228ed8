import { seededRandom, TcpProxy } from "@ophyd-ts/epics-net/testing"
import { expect, it } from "vitest"
import type { PvaClient } from "../../src/client/client.ts"
import { PvaError } from "../../src/errors.ts"
import { ntScalarArray } from "../../src/nt/scalar.ts"
import { PvaServer } from "../../src/server/server.ts"
import { SharedPv } from "../../src/server/shared-pv.ts"
import { clientOf, replacePort, take } from "../support/pair.ts"
import { until } from "../support/until.ts"

const type = ntScalarArray("double")
const count = 12
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

it.each([1, 2, 3, 4])(
  "whatever comes and goes, every call ends, and then all works (seed %i)",
  async seed => {
    const random = seededRandom(seed)
    const below = (n: number): number => Math.floor(random() * n)
    const pvs = Array.from({ length: count }, () => {
      const onPut = async (put: { apply(): void }): Promise<void> => {
        for (let n = below(4); n > 0; n--) await turn()
        if (below(10) === 0) throw new Error("not now")
        put.apply()
      }
      return new SharedPv(type, { onPut, onRpc: () => null })
    })
    const open = async (): Promise<PvaServer> => {
      const fresh = await PvaServer.open({ isolated: true })
      for (const [i, pv] of pvs.entries()) fresh.add(`p${i}`, pv)
      return fresh
    }
    let server = await open()
    const proxy = await TcpProxy.start({ port: server.port })
    proxy.toClient.change = chunk => replacePort(chunk, server.port, proxy.port)
    const client = clientOf(proxy.port, { linger: 0.05, timeout: 15 })
    const values = (): Float64Array => new Float64Array(below(20_000))

    const operations: ((client: PvaClient, name: string, signal: AbortSignal) => Promise<unknown>)[] = [
      (on, name, signal) => on.get(name, { signal }),
      (on, name, signal) => on.put(name, values(), { signal }),
      (on, name, signal) => on.rpc(name, null, { signal }),
      (on, name, signal) => on.info(name, { signal }),
      (on, name, signal) => take(on.monitor(name, { signal, timeout: 15, reuseMemory: true }), 1),
      (on, name, signal) => take(on.monitor(name, { signal, timeout: 15, pipeline: true, queueSize: 2 }), 1),
    ]
    const running: Promise<unknown>[] = []
    for (let round = 0; round < 250; round++) {
      const abort = new AbortController()
      const operation = operations[below(operations.length)]!
      running.push(operation(client, `p${below(count)}`, abort.signal))
      // Looked at in the end, and not before.
      running.at(-1)!.catch(() => {})
      if (below(8) === 0) setImmediate(() => abort.abort())
      const pv = pvs[below(count)]!
      if (pv.isOpen) pv.post({ value: values() })
      if (below(12) === 0) {
        if (pv.isOpen) pv.close()
        else pv.open(type)
      }
      if (below(25) === 0) proxy.reset()
      if (below(25) === 0) proxy.cut()
      if (below(80) === 0) {
        await server.close()
        server = await open()
        proxy.target = { port: server.port }
      }
      for (let n = below(6); n > 0; n--) await turn()
    }
    for (const pv of pvs) if (!pv.isOpen) pv.open(type)

    for (const result of await Promise.allSettled(running)) {
      if (result.status === "rejected") expect(result.reason).toBeInstanceOf(PvaError)
    }
    await Promise.all(pvs.map((_, i) => client.get(`p${i}`)))
    await client.close()
    await until(() => expect(pvs.map(pv => pv.subscriberCount)).toEqual(pvs.map(() => 0)))
    await until(() => expect(server.clientCount).toBe(0))
    await proxy.close()
    await server.close()
  },
  60_000,
)
