import { expect, it } from "vitest"
import { readDatagram } from "../../src/wire/datagram.ts"
import { defaultLimits } from "../../src/wire/limits.ts"
import { hex } from "../support/hex.ts"

const commands = (bytes: string, expectServer = false): number[] => {
  const seen: number[] = []
  readDatagram(hex(bytes), defaultLimits, expectServer, command => seen.push(command))
  return seen
}

it("a datagram holds whole messages, of the other side only", () => {
  expect(commands("ca 02 80 16 00000002 0102 | ca 02 80 03 00000001 05 | ca 02 01 02 00000000")).toEqual([
    22, 3,
  ])
  expect(commands("ca 02 40 00 00000000", true)).toEqual([0])
  expect(commands("ca 02 40 00 00000000")).toEqual([])
  expect(commands("ca 02 00 03 00000000", true)).toEqual([])
  expect(commands("ca 02 00")).toEqual([])
})

it("a datagram that promises more than it holds is refused at once, and nothing allocated for it", () => {
  const before = process.memoryUsage().arrayBuffers
  for (let i = 0; i < 20; i++)
    expect(() => commands("ca 02 00 03 ffffff0e 00000000")).toThrow(
      /of 251658239 bytes passes the limit of 4/,
    )
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000)
})
