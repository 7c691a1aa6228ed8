import fc from "fast-check"
import { describe, expect, it, test } from "vitest"
import { ExpressionError, evaluateCondition } from "../../src/dm/index.ts"

describe("conditions of runIf and repeatUntil", () => {
  it.each([
    ['"a" == "a"', true],
    ["'a' != \"a\"", false],
    ['"12" == 12', false],
    ["1 == 1.0", true],
    ["True == 1", true],
    ["1 < 2 < 3", true],
    ["1 < 2 > 3", false],
    ['"abc" < "abd"', true],
    ['"b" in "abc"', true],
    ['"x" not in ["x", "y"]', false],
    ["2 in [1, 2, 3,]", true],
    ["[1, [2]] == [1, [2]]", true],
    ["not 0 and not ''", true],
    ["not (1 == 1 or 1 == 2)", false],
    ["1 == 2 or 1 == 2 or 'text'", true],
    ["True and False or True", true],
    ["True or False and False", true],
    ["-1 < +0.5", true],
    [".5 == 5e-1", true],
    ["None", false],
    ["[]", false],
    ["not not 'a'", true],
    ['"it\\"s" == "it\\"s"', true],
    ['  "done"  ==  "done"  ', true],
  ])("%s is %s", (expression, expected) => {
    expect(evaluateCondition(expression)).toBe(expected)
  })

  it.each([
    ["", "a value expected at 0, found its end"],
    ['__import__("os")', 'found "__import__"'],
    ['"".join', "nothing valid at 2"],
    ["constructor", 'found "constructor"'],
    ["1 +", "found"],
    ['"open', "nothing valid at 0"],
    ["$name == 1", "nothing valid at 0"],
    ["1 < 'a'", "compares two numbers or two texts"],
    ["1 in 2", '"in" needs'],
    ["(1", '")" expected'],
    ["1 2", 'found "2"'],
    ["not", "found its end"],
    ["[1 2]", '"," expected'],
    ["(".repeat(5000), "nested deeper"],
    ["not ".repeat(5000), "nested deeper"],
    [`"${"x".repeat(70_000)}"`, "more than 65536"],
  ])("refused expression %#", (expression, message) => {
    expect(() => evaluateCondition(expression)).toThrow(ExpressionError)
    expect(() => evaluateCondition(expression)).toThrow(message)
  })

  test("any text gives a truth value or the one named error", () => {
    const pieces = [
      "(",
      ")",
      "[",
      "]",
      ",",
      "==",
      "<",
      "in",
      "not",
      "and",
      "or",
      "True",
      "None",
      "1",
      '"a"',
      "'",
      "x",
      " ",
    ]
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(fc.constantFrom(...pieces), { maxLength: 40 }).map(p => p.join(" ")),
    )
    fc.assert(
      fc.property(text, expression => {
        try {
          expect(typeof evaluateCondition(expression)).toBe("boolean")
        } catch (error) {
          expect(error).toBeInstanceOf(ExpressionError)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
