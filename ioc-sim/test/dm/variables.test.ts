import fc from "fast-check"
import { describe, expect, it, test } from "vitest"
import {
  fromPythonPattern,
  OutputPatternError,
  outputVariables,
  patternNames,
  substitute,
  variableText,
} from "../../src/dm/processing/variables.ts"

describe("variables in commands", () => {
  it.each([
    ["/bin/echo $id $nLines", "/bin/echo 7 12"],
    ["\u0024{id}x $idx", "7x $idx"],
    ["$$id $unknown $", "$7 $unknown $"],
    ["$constructor $toString", "$constructor $toString"],
  ])("%s becomes %s", (text, expected) => {
    expect(substitute(text, { id: "7", nLines: "12" })).toBe(expected)
  })

  test("a value that looks like a variable is not replaced again", () => {
    expect(substitute("$a", { a: "$b", b: "no" })).toBe("$b")
  })

  it.each([
    [true, "True"],
    [false, "False"],
    [null, "None"],
    [1.5, "1.5"],
    [["a", 1], '["a",1]'],
  ])("the argument %j is written %s", (value, expected) => {
    expect(variableText(value)).toBe(expected)
  })
})

describe("Python patterns for output variables", () => {
  it.each<[string, string, Record<string, string>]>([
    ["(?P<t0>\\d+)", "at 1780000001\n", { t0: "1780000001" }],
    ["(?i)NAME=(?P<n>\\w+)$", "name=abc\n", { n: "abc" }],
    ["(?P<q>['\"])x(?P=q)", "a 'x' b", { q: "'" }],
    ["\\A(?P<all>[^]]+)\\Z", "a[b", { all: "a[b" }],
    ["(?P<a>[]a]+)", "x]a]", { a: "]a]" }],
    ["(?P<n>a{,2})b{c}", "aab{c}", { n: "aa" }],
    ["\\%(?P<p>\\d)\\-\\+", "%7-+", { p: "7" }],
    ["(?m)^second: (?P<v>.*)$", "first: 1\nsecond: 2\nthird: 3", { v: "2" }],
    ["(?#comment)(?P<v>x)?y", "y", {}],
    ["(?P<v>x)", "nothing", {}],
  ])("%s on %j", (pattern, output, expected) => {
    expect(outputVariables([pattern], output)).toEqual(expected)
  })

  test("later patterns win", () => {
    expect(outputVariables(["(?P<a>1)", "(?P<a>2)"], "12")).toEqual({ a: "2" })
  })

  it.each(["(?P<a>", "a++", "(?>a)", "(?x)a", "[", "*", "(?P<1a>x)", "x".repeat(5000)])(
    "refused pattern %#",
    pattern => {
      expect(() => patternNames(pattern)).toThrow(OutputPatternError)
    },
  )

  test("a pattern that would take forever is stopped", () => {
    expect(() => outputVariables(["(?P<t>(a+)+)b"], "a".repeat(50))).toThrow(/took longer/)
  })

  test("any text is a usable pattern or refused with the one named error", () => {
    const bits = [
      "(",
      ")",
      "(?P<a>",
      "(?P=a)",
      "[",
      "]",
      "{",
      "}",
      "{2,}",
      "\\",
      "\\d",
      "*",
      "+",
      "^",
      "$",
      "|",
      "é",
      "a",
    ]
    const text = fc.oneof(
      fc.string(),
      fc.array(fc.constantFrom(...bits), { maxLength: 12 }).map(p => p.join("")),
    )
    fc.assert(
      fc.property(text, pattern => {
        try {
          expect(fromPythonPattern(pattern)).toBeInstanceOf(RegExp)
        } catch (error) {
          expect(error).toBeInstanceOf(OutputPatternError)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
