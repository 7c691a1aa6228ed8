import fc from "fast-check"
import { describe, expect, it, test } from "vitest"
import { wildcard } from "../../src/dm/wildcard.ts"

describe("shell wildcards", () => {
  it.each([
    ["*.h5", ["a.h5", "x/a.h5", ".h5"], ["a.h5x", "h5"]],
    ["dir1/sample123/*.h5", ["dir1/sample123/a.h5", "dir1/sample123/x/a.h5"], ["dir1/a.h5"]],
    ["a?c", ["abc", "a/c"], ["ac", "abbc"]],
    ["[a-c]x", ["ax", "cx"], ["dx", "x"]],
    ["[!a-c]x", ["dx"], ["ax"]],
    ["[]-]", ["]", "-"], ["a"]],
    ["[z-a]", [], ["a", "z", "-"]],
    ["[", ["["], ["", "a"]],
    ["**a**", ["a", "xxaxx"], ["b"]],
    ["", [""], ["a"]],
    ["(.+)\\", ["(.+)\\"], ["a"]],
  ])("%s", (pattern, good, bad) => {
    const fits = wildcard(pattern)
    expect(good.filter(text => !fits(text))).toEqual([])
    expect(bad.filter(fits)).toEqual([])
  })

  test("a text fits the pattern made of it by replacing parts with stars", () => {
    const part = fc.string({ maxLength: 5 }).map(text => text.replace(/[[*?]/g, "_"))
    fc.assert(
      fc.property(fc.array(fc.tuple(part, part), { maxLength: 6 }), parts => {
        const text = parts.map(([kept, replaced]) => kept + replaced).join("")
        const pattern = parts.map(([kept]) => `${kept}*`).join("")
        expect(wildcard(pattern)(text)).toBe(true)
        expect(wildcard(text)(`${text}x`)).toBe(false)
      }),
    )
  })

  test("a pattern made to take long does not", () => {
    expect(wildcard(`${"*a".repeat(2000)}b`)("a".repeat(4000))).toBe(false)
  })
})
